import Foundation
internal import WheelworkFFI

/// A key that verifies signatures.
public struct PublicKey: Sendable, Hashable {
    /// The text of its file: Ed25519, `SubjectPublicKeyInfo` in PEM.
    public let pem: String
    /// What signatures name it by: SHA-256 in lowercase hexadecimal.
    public let fingerprint: String

    /// Reads a key from the text of its PEM file. Takes microseconds. A ``WheelworkError/Code/notAKey``, for a weak key too.
    public init(_ pem: String) throws(WheelworkError) {
        self.init(try translated { try publicKey(pem: pem) })
    }

    init(_ key: WheelworkFFI.PublicKey) {
        pem = key.pem
        fingerprint = key.fingerprint
    }

    /// The keys that were trusted on this device (``trust(in:)``), in the app's own folder for keys. Reads small files. Errors:
    /// ``WheelworkError/Code/keyFile``, ``WheelworkError/Code/notAKey``.
    public static func trusted(in folder: URL) async throws(WheelworkError) -> [PublicKey] {
        let path = folder.path
        return try await blocking { try trustedKeys(keysDir: path) }.map(PublicKey.init)
    }

    /// Trusts this key from now on: what a person decides. Writes a small file into the app's own folder for keys. Error:
    /// ``WheelworkError/Code/keyFile``.
    public func trust(in folder: URL) async throws(WheelworkError) {
        let (path, pem) = (folder.path, pem)
        _ = try await blocking { try trustKey(keysDir: path, pem: pem) }
    }
}

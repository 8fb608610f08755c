import Foundation

/// The 32 random bytes that conversations are encrypted with, as ``Chat/keep(in:key:everyTokens:every:)`` and
/// ``Engine/restore(_:key:)`` take them, kept as a secret of this device: on Apple's systems in the keychain.
///
/// They leave the device in no backup. A conversation that a backup brings to another device cannot be read there, and its file
/// is a ``WheelworkError/Code/wrongSessionKey``.
public struct SessionKey: Sendable {
    static let bytes = 32

    private let item: SecretItem
    private let secrets: any Secrets

    init(_ item: SecretItem, in secrets: some Secrets) {
        self.item = item
        self.secrets = secrets
    }

    /// The key; made at the first call. Some milliseconds. Errors: ``WheelworkError/Code/keychainLocked`` before the device was
    /// unlocked once after its start, ``WheelworkError/Code/keychainRefused``, ``WheelworkError/Code/keychainDamaged``,
    /// ``WheelworkError/Code/keychainFailed``.
    public func read() async throws(WheelworkError) -> Data {
        try await blocking { [self] in try found() ?? made() }
    }

    /// Forgets the key: what was encrypted with it cannot be read any more, and the next ``read()`` makes another.
    public func reset() async throws(WheelworkError) {
        try await blocking { [self] in
            let status = secrets.remove(item)
            if status != SecretStatus.done, status != SecretStatus.notFound { throw WheelworkError(status, item) }
        }
    }

    private func found() throws(WheelworkError) -> Data? {
        let (status, key) = secrets.read(item)
        if status == SecretStatus.notFound { return nil }
        guard status == SecretStatus.done, let key else { throw WheelworkError(status, item) }
        // Never made anew by itself: there may be conversations that only the right one reads.
        guard key.count == Self.bytes else { throw .damagedKey(key.count, item) }
        return key
    }

    private func made() throws(WheelworkError) -> Data {
        var random = SystemRandomNumberGenerator()
        let key = Data((0..<Self.bytes).map { _ in UInt8.random(in: .min ... .max, using: &random) })
        let status = secrets.add(key, item)
        // An extension of the app was faster: its key counts.
        if status == SecretStatus.isThere, let first = try found() { return first }
        guard status == SecretStatus.done else { throw WheelworkError(status, item) }
        return key
    }
}

/// Where secrets are kept: the keychain, or a test.
protocol Secrets: Sendable {
    /// A status as `Security` gives it, and the bytes where there are some.
    func read(_ item: SecretItem) -> (status: Int32, bytes: Data?)
    /// Never replaces what is there.
    func add(_ bytes: Data, _ item: SecretItem) -> Int32
    func remove(_ item: SecretItem) -> Int32
}

/// What a secret is found by.
struct SecretItem: Sendable, Hashable {
    let service: String
    let account: String
    /// The app's own; nil, its first one.
    let accessGroup: String?
}

/// What `Security` answers, by the numbers that it has on all of Apple's systems.
enum SecretStatus {
    static let done: Int32 = 0
    static let notAvailable: Int32 = -25291
    static let isThere: Int32 = -25299
    static let notFound: Int32 = -25300
    static let noInteraction: Int32 = -25308
    static let noEntitlement: Int32 = -34018
}

extension WheelworkError {
    fileprivate init(_ status: Int32, _ item: SecretItem) {
        switch status {
        case SecretStatus.noInteraction, SecretStatus.notAvailable:
            self.init(
                kind: .retry, code: .keychainLocked, remedy: "wait until the device was unlocked once, then try again",
                remedyKind: "wait", place: item.account,
                reason: "the keychain cannot be read before the device was unlocked after its start (status \(status))")
        case SecretStatus.noEntitlement:
            self.init(
                kind: .unsupported, code: .keychainRefused,
                remedy: "add the access group to the app's entitlements, or sign the app", remedyKind: "give",
                place: item.account,
                reason: "the app's entitlements do not allow the access group `\(item.accessGroup ?? "of the app")`")
        default:
            self.init(
                kind: .retry, code: .keychainFailed, remedy: "try again", remedyKind: "retry", place: item.account,
                reason: "the keychain answers with status \(status)")
        }
    }

    fileprivate static func damagedKey(_ bytes: Int, _ item: SecretItem) -> WheelworkError {
        WheelworkError(
            kind: .reinstall, code: .keychainDamaged,
            remedy: "reset the session key; conversations that it encrypted are lost", remedyKind: "start_over",
            place: item.account,
            reason: "the session key in the keychain has \(bytes) bytes, expected \(SessionKey.bytes)")
    }
}

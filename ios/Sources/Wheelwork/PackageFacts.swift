import Foundation
internal import WheelworkFFI

/// What a package says of itself.
public struct PackageFacts: Sendable, Hashable {
    /// Its name.
    public let name: String
    /// How it was installed; nil for a folder that was not.
    public let installed: Provenance?
    /// Name and version of the program that wrote it; nil where another program made the folder, like all that follows from its
    /// card.
    public let producer: String?
    /// The version of its format.
    public let formatVersion: String?
    /// Stored bits per weight over all matrices: codes, scales and zero points.
    public let bitsPerWeight: Double?
    /// Its variants, by name.
    public let variants: [VariantFacts]
    /// Licences and notices of the checkpoint.
    public let licences: [Licence]
    /// What its maker measured, by variant; empty where nothing was.
    public let evaluations: [Evaluation]
    /// What the checkpoint got wrong and how it was read, and what of the package is unproven: sentences for a person.
    public let warnings: [String]

    init(_ facts: WheelworkFFI.PackageFacts) {
        name = facts.name
        installed = facts.installed.map(Provenance.init)
        producer = facts.producer
        formatVersion = facts.formatVersion
        bitsPerWeight = facts.bitsPerWeight
        variants = facts.variants.map(VariantFacts.init)
        licences = facts.licences.map(Licence.init)
        evaluations = facts.evaluations.map(Evaluation.init)
        warnings = facts.warnings
    }
}

/// How a package was installed.
public struct Provenance: Sendable, Hashable {
    /// The counter that its maker raises with every release.
    public let version: Int
    /// How the signature stands, by the keys that were given.
    public let signature: SignatureState

    init(_ provenance: WheelworkFFI.Provenance) {
        version = count(provenance.version)
        signature = SignatureState(provenance.signature)
    }
}

/// A variant of a package: the same model for one execution provider.
public struct VariantFacts: Sendable, Hashable {
    /// Its name.
    public let name: String
    /// ONNX Runtime's name of the execution provider that it was made for.
    public let provider: String
    /// `qwen2`, `qwen3` or `llama`, as genai calls it.
    public let modelType: String
    /// The longest sequence in tokens.
    public let contextLength: Int
    /// Rows of the embedding table.
    public let vocabSize: Int
    /// Whether the model reasons; nil where its tokenizer or template cannot be read.
    public let reasons: Bool?

    init(_ facts: WheelworkFFI.VariantFacts) {
        name = facts.name
        provider = facts.provider
        modelType = facts.modelType
        contextLength = count(facts.contextLength)
        vocabSize = count(facts.vocabSize)
        reasons = facts.reasons
    }
}

/// A licence or notice.
public struct Licence: Sendable, Hashable {
    /// The file's name.
    public let file: String
    /// Its text.
    public let text: String

    init(_ licence: WheelworkFFI.Licence) {
        file = licence.file
        text = licence.text
    }
}

extension Engine {
    /// What a package folder says of itself. Reads descriptions and tokenizer, no weights: some tenths of a second. Needs no
    /// ONNX Runtime. `keys` say how its signature stands.
    public static func packageFacts(
        _ folder: URL, keys: [PublicKey] = []
    ) async throws(WheelworkError) -> PackageFacts {
        let (path, pems) = (folder.path, keys.map(\.pem))
        return PackageFacts(try await blocking { try WheelworkFFI.packageFacts(path: path, keys: pems) })
    }

    /// What the package says of itself, as it was when it was opened. Reads licence files and a tokenizer: some tenths of a
    /// second. An error is a licence file that is not what the package's card says.
    public func packageFacts(keys: [PublicKey] = []) async throws(WheelworkError) -> PackageFacts {
        let (handle, pems) = (try open(), keys.map(\.pem))
        return PackageFacts(try await blocking { try handle.packageFacts(keys: pems) })
    }

    /// What is held of prefixes that conversations share; nil where the engine was opened without room for them.
    public var prefixUsage: PrefixUsage? {
        get throws(WheelworkError) { try of { try $0.prefixUsage() }.map(PrefixUsage.init) }
    }
}

/// What is held of prefixes that conversations share.
public struct PrefixUsage: Sendable, Hashable {
    /// Prefixes.
    public let entries: Int
    /// Tokens in them.
    public let tokens: Int
    /// Bytes that they take.
    public let bytes: Int
    /// The most that they may take.
    public let limitBytes: Int

    init(_ usage: WheelworkFFI.PrefixUsage) {
        entries = count(usage.entries)
        tokens = count(usage.tokens)
        bytes = count(usage.bytes)
        limitBytes = count(usage.limitBytes)
    }
}

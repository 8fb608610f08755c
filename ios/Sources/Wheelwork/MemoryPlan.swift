internal import WheelworkFFI

/// What a model takes of the memory.
public struct MemoryPlan: Sendable, Hashable {
    /// Tokens that are planned for.
    public let contextTokens: Int
    /// The longest sequence that the package allows.
    public let contextLimit: Int
    /// How keys and values are cached.
    public let kvCache: KVForm
    /// Whether the form that was prepared for this machine is used.
    public let prepared: Prepared
    /// Bytes of weights that are packed into memory of their own.
    public let packedWeightsBytes: Int
    /// Bytes of weights that are read from the file as they are needed, which the system may take back.
    public let mappedWeightsBytes: Int
    /// Bytes of ONNX Runtime itself.
    public let runtimeBytes: Int
    /// Bytes of keys and values a token.
    public let kvBytesPerToken: Int
    /// Bytes of keys and values.
    public let kvBytes: Int
    /// Bytes that are taken besides while the cache grows.
    public let kvGrowthBytes: Int
    /// Bytes that a step works with.
    public let workingBytes: Int
    /// Bytes for prefixes that conversations share.
    public let prefixCacheBytes: Int
    /// The sum that cannot be taken back.
    public let needBytes: Int
    /// What is free, and who says so; nil where nobody does.
    public let available: Available?
    /// Whether it fits.
    public let fit: Fit
    /// The longest context that fits; nil where none does or nobody knows.
    public let largestContextTokens: Int?

    /// What is free.
    public struct Available: Sendable, Hashable {
        public let bytes: Int
        /// Who says so.
        public let toldBy: String
    }

    /// Whether a model fits into memory.
    public enum Fit: String, Sendable, CaseIterable {
        /// It does.
        case fits
        /// It does, with weights that are read from the disk again and again: slowly.
        case weightsFromDisk
        /// It does not.
        case tooLarge
        /// Nobody says what is free.
        case unknown
    }

    init(_ plan: WheelworkFFI.MemoryPlan) {
        contextTokens = count(plan.contextTokens)
        contextLimit = count(plan.contextLimit)
        kvCache = KVForm(plan.kvCache)
        prepared = Prepared(plan.prepared)
        packedWeightsBytes = count(plan.packedWeightsBytes)
        mappedWeightsBytes = count(plan.mappedWeightsBytes)
        runtimeBytes = count(plan.runtimeBytes)
        kvBytesPerToken = count(plan.kvBytesPerToken)
        kvBytes = count(plan.kvBytes)
        kvGrowthBytes = count(plan.kvGrowthBytes)
        workingBytes = count(plan.workingBytes)
        prefixCacheBytes = count(plan.prefixCacheBytes)
        needBytes = count(plan.needBytes)
        available = plan.available.map { Available(bytes: count($0.bytes), toldBy: $0.toldBy) }
        fit =
            switch plan.fit {
            case .fits: .fits
            case .weightsFromDisk: .weightsFromDisk
            case .tooLarge: .tooLarge
            case .unknown: .unknown
            }
        largestContextTokens = plan.largestContextTokens.map { count($0) }
    }
}

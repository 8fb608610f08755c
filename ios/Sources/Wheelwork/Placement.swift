/// Where a model runs, as a fact.
public struct Placement: Sendable, Hashable, Codable {
    /// The device.
    public let device: ComputeDevice
    /// ONNX Runtime's name of the execution provider.
    public let provider: String
    /// Whose kernels compute the products with the weights.
    public let kernels: KernelSet
    /// Whether the device is imitated in software.
    public let simulator: Bool
    /// The package's variant.
    public let variant: String
    /// CPU threads.
    public let threads: Int
    /// How keys and values are cached.
    public let kvCache: KVForm
    /// Whether the form that was prepared for this machine is used.
    public let prepared: Prepared
    /// Why it is not, in words; nil where it is, and in what was read from JSON.
    public let notPrepared: String?
    /// How the nodes of each graph were shared out.
    public let graphs: [Graph]
    /// What comparing the device with known numbers gave; nil where it runs on the CPU.
    public let selfCheck: SelfCheck?
    /// What is not used, and why.
    public let notUsed: [NotUsed]

    /// How the nodes of a graph were shared out.
    public struct Graph: Sendable, Hashable, Codable {
        /// The graph's file.
        public let graph: String
        /// Bytes of weights, or of compiled binaries, that the graph reads.
        public let weightBytes: Int
        /// Each provider that got any.
        public let shares: [Share]

        enum CodingKeys: String, CodingKey {
            case graph, shares
            case weightBytes = "weight_bytes"
        }
    }

    /// What a provider got of a graph.
    public struct Share: Sendable, Hashable, Codable {
        /// ONNX Runtime's name of the execution provider.
        public let provider: String
        /// Nodes.
        public let nodes: Int
        /// Their operators, each once, in alphabetical order.
        public let operators: [String]
    }

    /// A provider that is not used.
    public struct NotUsed: Sendable, Hashable, Codable {
        /// ONNX Runtime's name of the execution provider.
        public let provider: String
        /// Its device.
        public let device: ComputeDevice
        /// Why.
        public let reason: NotUsedReason
        /// Why, in words; nil in what was read from JSON.
        public let words: String?
        /// What the provider or the system said.
        public let detail: String?

        enum CodingKeys: String, CodingKey {
            case provider, device, reason, detail
        }

        init(provider: String, device: ComputeDevice, reason: NotUsedReason, words: String?, detail: String?) {
            self.provider = provider
            self.device = device
            self.reason = reason
            self.words = words
            self.detail = detail
        }

        public init(from decoder: any Decoder) throws {
            let fields = try decoder.container(keyedBy: CodingKeys.self)
            self.init(
                provider: try fields.decode(String.self, forKey: .provider),
                device: try fields.decode(ComputeDevice.self, forKey: .device),
                reason: try fields.decode(NotUsedReason.self, forKey: .reason),
                words: nil,
                detail: try fields.decodeIfPresent(String.self, forKey: .detail))
        }
    }

    enum CodingKeys: String, CodingKey {
        case device, provider, kernels, simulator, variant, threads, prepared, graphs
        case kvCache = "kv_cache"
        case selfCheck = "self_check"
        case notUsed = "not_used"
    }

    init(
        device: ComputeDevice, provider: String, kernels: KernelSet, simulator: Bool, variant: String, threads: Int,
        kvCache: KVForm, prepared: Prepared, notPrepared: String?, graphs: [Graph], selfCheck: SelfCheck?,
        notUsed: [NotUsed]
    ) {
        self.device = device
        self.provider = provider
        self.kernels = kernels
        self.simulator = simulator
        self.variant = variant
        self.threads = threads
        self.kvCache = kvCache
        self.prepared = prepared
        self.notPrepared = notPrepared
        self.graphs = graphs
        self.selfCheck = selfCheck
        self.notUsed = notUsed
    }

    public init(from decoder: any Decoder) throws {
        let fields = try decoder.container(keyedBy: CodingKeys.self)
        self.init(
            device: try fields.decode(ComputeDevice.self, forKey: .device),
            provider: try fields.decode(String.self, forKey: .provider),
            kernels: try fields.decode(KernelSet.self, forKey: .kernels),
            simulator: try fields.decode(Bool.self, forKey: .simulator),
            variant: try fields.decode(String.self, forKey: .variant),
            threads: try fields.decode(Int.self, forKey: .threads),
            kvCache: try fields.decode(KVForm.self, forKey: .kvCache),
            prepared: try fields.decode(Prepared.self, forKey: .prepared),
            notPrepared: nil,
            graphs: try fields.decode([Graph].self, forKey: .graphs),
            selfCheck: try fields.decodeIfPresent(SelfCheck.self, forKey: .selfCheck),
            notUsed: try fields.decode([NotUsed].self, forKey: .notUsed))
    }
}

/// What computes.
public enum ComputeDevice: String, Sendable, Codable, CaseIterable {
    /// A neural processing unit.
    case npu
    /// A GPU.
    case gpu
    /// The CPU.
    case cpu
}

/// Whose kernels compute the products with the weights.
public enum KernelSet: String, Sendable, Codable, CaseIterable {
    /// ONNX Runtime's.
    case onnxRuntime = "onnxruntime"
    /// Ours, for AVX-512 VNNI.
    case avx512VNNI = "avx512vnni"
    /// Ours, for AVX-VNNI.
    case avxVNNI = "avxvnni"
    /// Ours, for AVX2.
    case avx2
    /// Ours, for Arm's dot products.
    case dotProduct = "dotproduct"
    /// Ours, for any CPU.
    case portable
}

/// How keys and values are cached.
public enum KVForm: String, Sendable, Codable, CaseIterable {
    /// 32-bit floats.
    case float
    /// 8-bit integers with scales.
    case int8
}

/// Whether the form that was prepared for this machine is used.
public enum Prepared: String, Sendable, Codable, CaseIterable {
    /// It is.
    case used
    /// It was not wanted.
    case notWanted = "not_wanted"
    /// No folder was given for it.
    case noPlace = "no_place"
    /// It was never made.
    case missing
    /// It was made for another machine, ONNX Runtime, package or version.
    case stale
    /// It came with the model, and nothing proves that it was made on this machine.
    case notMadeHere = "not_made_here"
    /// It is damaged.
    case damaged
}

/// Why a provider is not used.
public enum NotUsedReason: String, Sendable, Codable, CaseIterable {
    case notInThisBuild = "not_in_this_build"
    case noVariant = "no_variant"
    case notRequested = "not_requested"
    case unproven
    case libraryMissing = "library_missing"
    case libraryRefused = "library_refused"
    case noDevice = "no_device"
    case simulatorOnly = "simulator_only"
    case noMatchingBinary = "no_matching_binary"
    case compiling
    case compileFailed = "compile_failed"
    case damaged
    case crashedBefore = "crashed_before"
    case beingTried = "being_tried"
    case selfCheckFailed = "self_check_failed"
    case runFailed = "run_failed"
    case sessionFailed = "session_failed"
    case runtimeTooOld = "runtime_too_old"
    case tookNoNodes = "took_no_nodes"
}

/// What comparing a device with known numbers gave.
public enum SelfCheck: Sendable, Hashable, Codable {
    /// It computes what it should, up to this relative error.
    case passed(relativeRMS: Float)
    /// It passed at an earlier opening.
    case passedBefore
    /// The package holds no numbers to compare with.
    case notInPackage
    /// Memory was short for it.
    case noMemory
    /// The caller wanted none.
    case skipped

    private enum Keys: String, CodingKey {
        case result
        case relativeRMS = "relative_rms"
    }

    private enum Name: String, Codable {
        case passed, skipped
        case passedBefore = "passed_before"
        case notInPackage = "not_in_package"
        case noMemory = "no_memory"
    }

    public func encode(to encoder: any Encoder) throws {
        var fields = encoder.container(keyedBy: Keys.self)
        func tell(_ name: Name) throws { try fields.encode(name, forKey: .result) }
        switch self {
        case .passed(let relativeRMS):
            try tell(.passed)
            try fields.encode(relativeRMS, forKey: .relativeRMS)
        case .passedBefore: try tell(.passedBefore)
        case .notInPackage: try tell(.notInPackage)
        case .noMemory: try tell(.noMemory)
        case .skipped: try tell(.skipped)
        }
    }

    public init(from decoder: any Decoder) throws {
        let fields = try decoder.container(keyedBy: Keys.self)
        switch try fields.decode(Name.self, forKey: .result) {
        case .passed: self = .passed(relativeRMS: try fields.decode(Float.self, forKey: .relativeRMS))
        case .passedBefore: self = .passedBefore
        case .notInPackage: self = .notInPackage
        case .noMemory: self = .noMemory
        case .skipped: self = .skipped
        }
    }
}

import Foundation

/// How a model is opened. The defaults suit most.
public struct OpenOptions: Sendable, Equatable {
    /// The device to run on.
    public var device = DevicePreference.auto
    /// Fail where the wanted device can't be used, instead of taking another and saying so.
    public var strict = false
    /// CPU threads; nil, one a core.
    public var threads: Int?
    /// CPU threads for turns in the background and on a warm device; nil, as many as ever. It takes a second session of the
    /// graph, loaded when it is first wanted.
    public var powerSavingThreads: Int?
    /// The longest sequence in tokens; nil, the package's.
    public var contextLength: Int?
    /// A chat template as Jinja; nil, the package's.
    public var chatTemplate: String?
    /// How keys and values are cached; nil, as the package says.
    public var kvCache: KVForm?
    /// Leave a form that was prepared for this machine alone.
    public var plain = false
    /// Whose kernels the prepared form computes with on the CPU.
    public var kernels = Kernels.auto
    /// Where prepared forms of models that are not installed stand, on the models' file system; nil: nowhere.
    public var cacheFolder: URL?
    /// Room for prefixes that conversations share (``Chat/sharePrefix()``), in bytes; 0: they share nothing.
    public var prefixCacheBytes = 0
    /// Options of the device's execution provider, used only where that provider is.
    public var providerOptions: [String: String] = [:]
    /// Where it is noted which providers were tried on this machine, so that one that took the process down is not tried
    /// again; nil: nowhere.
    public var trialsFolder: URL?
    /// Where the app keeps the key by which forms that were prepared or compiled beside an installed model are known as made
    /// here; nil: those are not used.
    public var keysFolder: URL?
    /// What memory is held against.
    public var memory = MemoryCheck.system
    /// Take a device as it is, without comparing what it computes for a fixed prompt at its first use.
    public var skipsSelfCheck = false
    /// Events that may wait for a reader before its turn has to, at least 1. A step brings few; a handful more may wait.
    public var waitingEvents = 64
    /// The most tokens of a prompt in one step, at least 1: how long other turns wait for a long prompt.
    public var prefillTokens = 128

    public init(_ configure: (inout OpenOptions) -> Void = { _ in }) {
        configure(&self)
    }
}

/// The device that the caller wants.
public enum DevicePreference: String, Sendable, CaseIterable {
    /// The best one that package and build can use.
    case auto
    /// A neural processing unit.
    case npu
    /// A GPU.
    case gpu
    /// The CPU.
    case cpu
}

/// Whose kernels a model is prepared for on the CPU.
public enum Kernels: String, Sendable, CaseIterable {
    /// Those that are faster on this machine, by shape of matrix: both are measured when the model is prepared.
    case auto
    /// ONNX Runtime's.
    case off
    /// Ours wherever they can, without measuring.
    case own
}

/// What memory is held against when a model is opened.
public enum MemoryCheck: Sendable, Hashable {
    /// What the system says is free to this app; nothing where it does not say.
    case system
    /// What the app says is free.
    case bytes(Int)
    /// Nothing: the model is opened whatever it takes.
    case off
}

/// What is being done while a model is opened. ``describe`` and ``load(provider:device:)`` come again where a device is refused
/// and the next one is tried.
public enum OpenStep: Sendable, Hashable {
    /// Descriptions and tokenizer are read, a device is chosen, the graph is verified.
    case describe
    /// The graph is loaded with its weights: most of the time.
    case load(provider: String, device: ComputeDevice)
    /// A graph is compiled for this device, once, because nothing else can run the model meanwhile.
    case compile(graph: String, number: Int, graphs: Int)
    /// What the device computes is compared with what it should, at its first use.
    case selfCheck(provider: String)
}

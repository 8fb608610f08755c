import Foundation
internal import WheelworkFFI

/// What a preparation tells: its steps, then the end.
public enum PrepareEvent: Sendable, Hashable {
    /// The weights are packed for this CPU: most of the time.
    case pack
    /// They are written: bytes so far, and in all.
    case collect(doneBytes: Int, totalBytes: Int)
    /// Products are timed, computed by ONNX Runtime and by our kernels: shapes of matrices so far, and in all.
    case measure(done: Int, total: Int)
    /// The prepared form is opened and compared with the plain one.
    case compare
    /// The end; nothing follows.
    case finished(PrepareReport)

    init(_ event: WheelworkFFI.PrepareEvent) {
        switch event {
        case .pack: self = .pack
        case .collect(let done, let total): self = .collect(doneBytes: count(done), totalBytes: count(total))
        case .measure(let done, let total): self = .measure(done: count(done), total: count(total))
        case .compare: self = .compare
        case .finished(let report): self = .finished(PrepareReport(report))
        }
    }
}

/// What a preparation did.
public struct PrepareReport: Sendable, Hashable {
    /// False where a valid prepared form was there already.
    public let isNew: Bool
    /// Bytes on the disk that it takes beside the package.
    public let diskBytes: Int
    /// Bytes that preparing needed at its peak, beside the package.
    public let peakDiskBytes: Int
    /// Memory of the process's own that opening the plain form took; nil where it was not opened or the system does not tell.
    public let plainMemoryBytes: Int?
    /// The same of the prepared form.
    public let preparedMemoryBytes: Int?
    /// The products of each shape of matrix, and whose kernels compute them; empty where ours compute none.
    public let kernels: [ProductChoice]
    /// The attentions, and whose kernels compute them; nil where ours were not wanted or cannot.
    public let attention: AttentionChoice?
    /// What it took.
    public let time: Duration

    init(_ report: WheelworkFFI.PrepareReport) {
        isNew = report.isNew
        diskBytes = count(report.diskBytes)
        peakDiskBytes = count(report.peakDiskBytes)
        plainMemoryBytes = report.plainMemoryBytes.map { count($0) }
        preparedMemoryBytes = report.preparedMemoryBytes.map { count($0) }
        kernels = report.kernels.map(ProductChoice.init)
        attention = report.attention.map(AttentionChoice.init)
        time = .seconds(report.seconds)
    }
}

/// The products of one shape of matrix, and whose kernels compute them.
public struct ProductChoice: Sendable, Hashable {
    /// Elements of a row of activations.
    public let k: Int
    /// Elements of a row of results.
    public let n: Int
    /// Bits of a weight as it is computed with: its own with our kernels, those that it is stored in with ONNX Runtime's.
    public let bits: Int
    /// Weights that share a scale.
    public let blockSize: Int
    /// How many the graph has.
    public let products: Int
    /// What ONNX Runtime's operator takes; nil where it was not measured.
    public let onnxruntime: ProductTime?
    /// What ours takes; nil where it was not measured.
    public let ours: ProductTime?
    /// Whether ours compute them.
    public let isOurs: Bool

    init(_ choice: WheelworkFFI.ProductChoice) {
        k = count(choice.k)
        n = count(choice.n)
        bits = count(choice.bits)
        blockSize = count(choice.blockSize)
        products = count(choice.products)
        onnxruntime = choice.onnxruntime.map(ProductTime.init)
        ours = choice.ours.map(ProductTime.init)
        isOurs = choice.isOurs
    }
}

/// The attentions of a graph, and whose kernels compute them.
public struct AttentionChoice: Sendable, Hashable {
    /// How many the graph has.
    public let nodes: Int
    /// Tokens that were cached when steps were timed; 0 where none were.
    public let context: Int
    /// What a whole step takes with ONNX Runtime's; nil where it was not measured.
    public let onnxruntime: ProductTime?
    /// What a whole step takes with ours; nil where it was not measured.
    public let ours: ProductTime?
    /// Whether ours compute them.
    public let isOurs: Bool

    init(_ choice: WheelworkFFI.AttentionChoice) {
        nodes = count(choice.nodes)
        context = count(choice.context)
        onnxruntime = choice.onnxruntime.map(ProductTime.init)
        ours = choice.ours.map(ProductTime.init)
        isOurs = choice.isOurs
    }
}

/// How long products of one shape take, each of them alone, or a step with attention: the best of several takes.
public struct ProductTime: Sendable, Hashable {
    /// For one token.
    public let token: Duration
    /// For 64 tokens of a prompt.
    public let prompt: Duration

    init(_ time: WheelworkFFI.ProductTime) {
        token = .microseconds(time.tokenUs)
        prompt = .microseconds(time.promptUs)
    }
}

extension Engine {
    /// Prepares a model for this machine, once, so that it opens with less memory: the graph that an open with the same options
    /// would take on the CPU. ``OpenOptions/keysFolder`` says that it is to stand beside an installed model,
    /// ``OpenOptions/cacheFolder`` where it stands for others.
    ///
    /// It takes some seconds a gigabyte, memory as an open without it, and the disk meanwhile holds the weights twice more. A
    /// model opens as before meanwhile, and after an error, a cancel or the end of the process. Errors:
    /// ``WheelworkError/Code/prepareNoPlace``, ``WheelworkError/Code/prepareNoSpace``, ``WheelworkError/Code/prepareBusy`` and
    /// those of opening a model.
    public static func prepare(_ folder: URL, options: OpenOptions = OpenOptions()) -> Steps<PrepareEvent> {
        Steps {
            let (path, values) = (folder.path, try options.ffi())
            return call(try await blocking { try PrepareHandle.begin(path: path, options: values) })
        }
    }

    /// A preparation under way, as steps to read.
    static func call(_ preparing: PrepareHandle) -> LongCall<PrepareEvent> {
        LongCall(next: { try await preparing.next().map(PrepareEvent.init) }, cancel: { preparing.cancel() })
    }

    /// Whether a model has a form that is prepared for this machine, and why it would not be used: judged by its record and its
    /// sizes. Reads no weights.
    public static func preparedForm(
        _ folder: URL, options: OpenOptions = OpenOptions()
    ) async throws(WheelworkError) -> Prepared {
        let (path, values) = (folder.path, try options.ffi())
        return Prepared(try await blocking { try WheelworkFFI.preparedForm(path: path, options: values) })
    }
}

extension Steps where Element == PrepareEvent {
    /// Reads to the end and gives what was done.
    public func report() async throws(WheelworkError) -> PrepareReport {
        try await last { if case .finished(let report) = $0 { report } else { nil } }
    }
}

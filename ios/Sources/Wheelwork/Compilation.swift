internal import WheelworkFFI

/// How far the graphs are that are compiled for a better device in the background.
public enum Compilation: Sendable, Hashable {
    /// Nothing is compiled: the model runs on the best device that there is for it.
    case none
    /// They are being compiled, loaded or checked.
    case underWay
    /// The turns that begin from now on run on the device.
    case ready
    /// The device is not used: the kind of reason, the same in words that read well after "because", and what was said, if
    /// anything was.
    case failed(reason: NotUsedReason, words: String, detail: String?)

    init(_ state: CompilationState?) {
        switch state {
        case nil: self = .none
        case .underWay: self = .underWay
        case .ready: self = .ready
        case .failed(let reason, let words, let detail):
            self = .failed(reason: NotUsedReason(reason), words: words, detail: detail)
        }
    }
}

/// A graph that is being compiled.
public struct CompiledGraph: Sendable, Hashable {
    /// The graph's file.
    public let graph: String
    /// Which one it is, from 1.
    public let number: Int
    /// How many there are.
    public let graphs: Int
}

extension Engine {
    /// How far the graphs are that are compiled for a better device in the background.
    public var compilation: Compilation {
        get throws(WheelworkError) { Compilation(try of { try $0.compilationState() }) }
    }

    /// Waits until the graphs that are compiled in the background are ready or given up: seconds to minutes. Returns at once where
    /// none are. Cancelling the task ends the waiting and nothing else: what is returned then is how far they are.
    public func betterDevice(
        onGraph: @Sendable (CompiledGraph) -> Void = { _ in }
    ) async throws(WheelworkError) -> Compilation {
        let handle = try open()
        guard let waiting = try await blocking({ try handle.compilation() }) else { return .none }
        if let end = try await Self.end(of: waiting, onGraph) { return end }
        return try compilation
    }

    /// How a compilation ended; nil where the task was cancelled first.
    static func end(
        of waiting: CompilationHandle, _ onGraph: @Sendable (CompiledGraph) -> Void
    ) async throws(WheelworkError) -> Compilation? {
        do {
            return try await withTaskCancellationHandler {
                while let event = try await waiting.next() {
                    switch event {
                    case .graph(let graph, let number, let graphs):
                        onGraph(CompiledGraph(graph: graph, number: count(number), graphs: count(graphs)))
                    case .finished(let state): return Compilation(state)
                    }
                }
                return nil
            } onCancel: {
                waiting.cancel()
            }
        } catch {
            throw WheelworkError(error)
        }
    }
}

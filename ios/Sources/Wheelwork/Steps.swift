internal import WheelworkFFI

/// A long call, as a sequence of what it tells: progress, then its report.
///
/// It begins when its first step is asked for. Breaking out of the loop or cancelling the task ends it and leaves nothing half
/// done. Progress that nobody reads is replaced by newer progress. It has one reader.
public struct Steps<Element: Sendable>: AsyncSequence, Sendable {
    public typealias Failure = WheelworkError

    private let begin: @Sendable () async throws -> LongCall<Element>
    private let isTaken = Locked(false)

    init(_ begin: @escaping @Sendable () async throws -> LongCall<Element>) {
        self.begin = begin
    }

    public func makeAsyncIterator() -> Iterator {
        Iterator(reader: isTaken.set() ? StepReader(begin) : nil)
    }

    public struct Iterator: AsyncIteratorProtocol {
        fileprivate let reader: StepReader<Element>?

        public mutating func next() async throws(WheelworkError) -> Element? {
            guard let reader else { throw .secondReader }
            return try await reader.next(isolation: nil)
        }

        @available(iOS 18, macOS 15, tvOS 18, watchOS 11, visionOS 2, *)
        public mutating func next(
            isolation actor: isolated (any Actor)?
        ) async throws(WheelworkError) -> Element? {
            guard let reader else { throw .secondReader }
            return try await reader.next(isolation: actor)
        }
    }
}

/// A long call under way.
struct LongCall<Element: Sendable>: Sendable {
    let next: @Sendable () async throws -> Element?
    let cancel: @Sendable () -> Void
}

private final class StepReader<Element: Sendable> {
    private let begin: @Sendable () async throws -> LongCall<Element>
    private var call: LongCall<Element>?
    private var isOver = false

    init(_ begin: @escaping @Sendable () async throws -> LongCall<Element>) {
        self.begin = begin
    }

    deinit {
        call?.cancel()
    }

    func next(isolation actor: isolated (any Actor)?) async throws(WheelworkError) -> Element? {
        if isOver { return nil }
        do {
            let call = try await begun(isolation: actor)
            let element = try await withTaskCancellationHandler(
                operation: { try await call.next() }, onCancel: call.cancel, isolation: actor)
            isOver = element == nil
            return element
        } catch {
            isOver = true
            throw WheelworkError(error)
        }
    }

    private func begun(isolation actor: isolated (any Actor)?) async throws -> LongCall<Element> {
        if let call { return call }
        let begun = try await begin()
        call = begun
        return begun
    }
}

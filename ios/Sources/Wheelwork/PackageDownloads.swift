import Foundation

/// Packages that the system fetches, whether the app runs or not, and that are installed when they have arrived.
///
/// A transfer belongs to the system. It goes on while the app stands still and after it has ended, and it goes on where it was
/// when a connection breaks. Leaving the loop or cancelling its task ends the waiting only: asking for the same name again, in
/// this process or in the next one, waits for the same transfer. ``cancel(_:)`` ends the transfer.
///
/// ```swift
/// for try await event in downloads.install(address, as: "r1", in: store) {
///     if case .fetching(let done, let total?) = event { progress = Double(done) / Double(total) }
/// }
/// ```
///
/// While it is installed, a package stands on the disk twice. One name has one reader: the last that asked.
public final class PackageDownloads: Sendable {
    private let shelf: DownloadShelf
    let transfers: any PackageTransfers

    init(_ shelf: DownloadShelf, _ transfers: any PackageTransfers) {
        self.shelf = shelf
        self.transfers = transfers
    }

    /// Fetches a package, or goes on fetching it, and installs it. `name` is the app's own, such as the model's. The address is one
    /// of `https`.
    public func install(
        _ address: URL, as name: String, in store: ModelStore, options: InstallOptions = InstallOptions()
    ) -> Steps<DownloadEvent> {
        Steps { [self] in
            // What nobody has read yet is replaced by what is newer; behind the end comes nothing.
            let (events, telling) = AsyncThrowingStream<DownloadEvent, any Error>.makeStream(
                bufferingPolicy: .bufferingNewest(1))
            let working = Task {
                do {
                    let file = try await fetched(name, address) { telling.yield($0) }
                    var steps = store.install(.file(file), options: options).makeAsyncIterator()
                    while let step = try await steps.next() { telling.yield(DownloadEvent(step)) }
                    shelf.clear(name)
                    telling.finish()
                } catch {
                    if DownloadCourse.isSpoilt(error) { shelf.clear(name) }
                    telling.finish(throwing: error)
                }
            }
            return LongCall(
                next: {
                    var iterator = events.makeAsyncIterator()
                    let event = try await iterator.next()
                    if event == nil, Task.isCancelled { throw WheelworkError.leftDownload }
                    return event
                },
                cancel: { working.cancel() })
        }
    }

    /// Names whose packages the system is fetching.
    public func underWay() async -> Set<String> { await transfers.underWay() }

    /// Ends a transfer; who waits for it gets ``WheelworkError/Code/storeCancelled``. What has arrived is kept for the next try,
    /// where the server can go on from there.
    public func cancel(_ name: String) async {
        await transfers.end(name)
    }

    /// Ends a transfer and removes what has arrived.
    public func remove(_ name: String) async {
        await transfers.end(name)
        shelf.clear(name)
    }

    /// The package, once it has arrived.
    private func fetched(
        _ name: String, _ address: URL, tell: @Sendable (DownloadEvent) -> Void
    ) async throws(WheelworkError) -> URL {
        try Self.check(name, address)
        try await shelf.make()
        var course = DownloadCourse()
        while true {
            let signals = transfers.signals(name)
            let isUnderWay = await transfers.underWay().contains(name)
            switch course.begin(isHere: shelf.has(name), isUnderWay: isUnderWay, rest: shelf.rest(name)) {
            case .install:
                // A second one may be under way, begun before the system told of the first one's end.
                await transfers.end(name)
                return shelf.package(name)
            case .join: break
            case .goOn(let rest): transfers.begin(name, .rest(rest))
            case .begin: transfers.begin(name, .address(address))
            }
            switch await end(of: signals, tell: tell) {
            case .arrived: break
            case .failed(let failure):
                if let error = course.error(after: failure, host: address.host ?? "the server") { throw error }
            case nil: throw Task.isCancelled ? .leftDownload : .otherReader(name)
            }
        }
    }

    /// How a transfer ended; nil where nobody tells this reader any more.
    private func end(
        of signals: AsyncStream<TransferSignal>, tell: @Sendable (DownloadEvent) -> Void
    ) async -> TransferEnd? {
        for await signal in signals {
            switch signal {
            case .progress(let done, let total): tell(.fetching(done: done, total: total))
            case .ended(let end): return end
            }
        }
        return nil
    }

    private static func check(_ name: String, _ address: URL) throws(WheelworkError) {
        if name.isEmpty { throw .outOfRange("name", "empty", expected: "a name") }
        let isOwn = ["localhost", "127.0.0.1"].contains(address.host ?? "")
        guard address.scheme == "https" || (address.scheme == "http" && isOwn) else {
            throw WheelworkError(
                kind: .retry, code: .notHttps, remedy: "give an `https` address", remedyKind: "give", place: nil,
                reason: "the address begins with `\(address.scheme ?? ""):`, expected `https:`")
        }
    }
}

/// What a download tells: what has arrived, how it is installed, then the end.
public enum DownloadEvent: Sendable, Hashable {
    /// Bytes that have arrived, of those that the server has; nil where it does not say.
    case fetching(done: Int, total: Int?)
    /// Bytes of content done in a step of the installation, of those that it has to do.
    case installing(StoreStep, done: Int, total: Int)
    /// The end; nothing follows.
    case finished(InstallReport)

    init(_ event: InstallEvent) {
        switch event {
        case .progress(let step, let done, let total): self = .installing(step, done: done, total: total)
        case .finished(let report): self = .finished(report)
        }
    }
}

extension Steps where Element == DownloadEvent {
    /// Reads to the end and gives what was done.
    public func report() async throws(WheelworkError) -> InstallReport {
        try await last { if case .finished(let report) = $0 { report } else { nil } }
    }

    /// As ``report()``, and keeps a progress up to date: half of it is what arrives, the other half what is installed of it.
    public func report(to progress: Progress) async throws(WheelworkError) -> InstallReport {
        try await last { event in
            switch event {
            case .fetching(let done, let total?):
                progress.totalUnitCount = 2 * Int64(total)
                progress.completedUnitCount = Int64(done)
                return nil
            case .installing(.receive, let done, let total):
                progress.totalUnitCount = 2 * Int64(total)
                progress.completedUnitCount = Int64(total) + Int64(done)
                return nil
            case .fetching, .installing: return nil
            case .finished(let report):
                progress.completedUnitCount = progress.totalUnitCount
                return report
            }
        }
    }
}

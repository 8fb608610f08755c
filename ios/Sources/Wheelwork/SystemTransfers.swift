import Foundation

#if canImport(FoundationNetworking)
    import FoundationNetworking
#endif

#if canImport(Darwin)
    extension PackageDownloads {
        /// For each `identifier` one, made at the start of the app: the system gives back what it has fetched meanwhile. What it
        /// fetches waits in `folder` until it is installed, and `appGroup` is needed where an extension fetches.
        ///
        /// `unmeteredOnly` waits for a network that costs nothing.
        public convenience init(
            identifier: String, folder: AppFolder, unmeteredOnly: Bool = true, appGroup: String? = nil
        ) {
            let configuration = URLSessionConfiguration.background(withIdentifier: identifier)
            configuration.sessionSendsLaunchEvents = true
            configuration.allowsExpensiveNetworkAccess = !unmeteredOnly
            configuration.allowsConstrainedNetworkAccess = !unmeteredOnly
            configuration.sharedContainerIdentifier = appGroup
            let shelf = DownloadShelf(folder: folder)
            self.init(shelf, SystemTransfers(configuration, shelf))
        }

        /// What the app's delegate was given by `application(_:handleEventsForBackgroundURLSession:completionHandler:)`: called
        /// once the system has told everything.
        public func whenTold(_ done: @escaping @MainActor @Sendable () -> Void) {
            (transfers as? SystemTransfers)?.whenTold(done)
        }
    }
#endif

/// Transfers of a `URLSession`, which name their package in the description of their task. It observes and decides nothing.
final class SystemTransfers: NSObject, PackageTransfers, URLSessionDownloadDelegate, @unchecked Sendable {
    private let shelf: DownloadShelf
    private let readers = Locked<[String: AsyncStream<TransferSignal>.Continuation]>([:])
    private let told = Locked<(@MainActor @Sendable () -> Void)?>(nil)
    /// Set once, because the session wants its delegate first.
    private var session: URLSession!

    init(_ configuration: URLSessionConfiguration, _ shelf: DownloadShelf) {
        self.shelf = shelf
        super.init()
        session = URLSession(configuration: configuration, delegate: self, delegateQueue: nil)
    }

    func underWay() async -> Set<String> {
        Set(await tasks().compactMap { $0.state == .completed ? nil : $0.taskDescription })
    }

    func begin(_ name: String, _ start: TransferStart) {
        let task: URLSessionDownloadTask
        switch start {
        case .address(let address):
            var request = URLRequest(url: address)
            // Compressed by the server, a part would be none of the file.
            request.setValue("identity", forHTTPHeaderField: "Accept-Encoding")
            task = session.downloadTask(with: request)
        case .rest(let rest): task = session.downloadTask(withResumeData: rest)
        }
        task.taskDescription = name
        task.resume()
    }

    func end(_ name: String) async {
        for case let task as URLSessionDownloadTask in await tasks() where task.taskDescription == name {
            let rest = await withCheckedContinuation { continuation in
                task.cancel { continuation.resume(returning: $0) }
            }
            shelf.keep(rest, of: name)
        }
    }

    func signals(_ name: String) -> AsyncStream<TransferSignal> {
        let (signals, telling) = AsyncStream<TransferSignal>.makeStream()
        readers.with { $0.updateValue(telling, forKey: name) }?.finish()
        return signals
    }

    func whenTold(_ done: @escaping @MainActor @Sendable () -> Void) {
        told.with { $0 = done }
    }

    private func tasks() async -> [URLSessionTask] {
        await withCheckedContinuation { continuation in
            session.getAllTasks { continuation.resume(returning: $0) }
        }
    }

    private func tell(_ task: URLSessionTask, _ signal: TransferSignal) {
        guard let name = task.taskDescription else { return }
        _ = readers.with { $0[name] }?.yield(signal)
    }

    // MARK: What the session tells

    func urlSession(
        _ session: URLSession, downloadTask: URLSessionDownloadTask, didWriteData bytesWritten: Int64,
        totalBytesWritten: Int64, totalBytesExpectedToWrite: Int64
    ) {
        let total = totalBytesExpectedToWrite < 0 ? nil : Int(totalBytesExpectedToWrite)
        tell(downloadTask, .progress(done: Int(totalBytesWritten), total: total))
    }

    func urlSession(
        _ session: URLSession, downloadTask: URLSessionDownloadTask, didFinishDownloadingTo location: URL
    ) {
        guard let name = downloadTask.taskDescription else { return }
        let status = (downloadTask.response as? HTTPURLResponse)?.statusCode ?? 0
        tell(downloadTask, .ended(shelf.take(location, name, status: status)))
    }

    func urlSession(_ session: URLSession, task: URLSessionTask, didCompleteWithError error: (any Error)?) {
        guard let error = error as NSError?, let name = task.taskDescription else { return }
        let (failure, rest) = (
            TransferFailure(error), error.userInfo[ErrorKey.rest] as? Data
        )
        // Who cancelled it has got what there is to go on from.
        if rest != nil || failure != .cancelled { shelf.keep(rest, of: name) }
        tell(task, .ended(.failed(failure)))
    }

    #if canImport(Darwin)
        func urlSessionDidFinishEvents(forBackgroundURLSession session: URLSession) {
            guard let done = told.with({ told in defer { told = nil }; return told }) else { return }
            Task { await done() }
        }
    #endif
}

/// What errors of a session carry.
enum ErrorKey {
    #if canImport(Darwin)
        static let rest = NSURLSessionDownloadTaskResumeData
        static let endedBySystem = NSURLErrorBackgroundTaskCancelledReasonKey
    #else
        static let rest = "NSURLSessionDownloadTaskResumeData"
        static let endedBySystem = "NSURLErrorBackgroundTaskCancelledReasonKey"
    #endif
}

extension TransferFailure {
    /// What an error of a `URLSession` means.
    init(_ error: NSError) {
        switch (error.domain, error.code) {
        case (NSURLErrorDomain, NSURLErrorCancelled):
            let isBySystem = error.userInfo[ErrorKey.endedBySystem] != nil
            self = isBySystem ? .endedBySystem : .cancelled
        case (NSURLErrorDomain, NSURLErrorCannotCreateFile), (NSURLErrorDomain, NSURLErrorCannotOpenFile),
            (NSURLErrorDomain, NSURLErrorCannotWriteToFile), (NSURLErrorDomain, NSURLErrorCannotMoveFile),
            (NSURLErrorDomain, NSURLErrorCannotCloseFile), (NSURLErrorDomain, NSURLErrorCannotRemoveFile):
            self = .disk(error.domain, error.code)
        case (NSURLErrorDomain, let code): self = .connection(code)
        case (let domain, let code): self = .disk(domain, code)
        }
    }
}

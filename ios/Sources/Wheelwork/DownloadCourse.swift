import Foundation

/// Who fetches files whether the app runs or not: the system, or a test.
protocol PackageTransfers: Sendable {
    /// Names of those that are being fetched.
    func underWay() async -> Set<String>
    func begin(_ name: String, _ start: TransferStart)
    /// Ends one; nothing where there is none of that name.
    func end(_ name: String) async
    /// What is told of a name from now on; what was told to another reader ends there.
    func signals(_ name: String) -> AsyncStream<TransferSignal>
}

/// From where a transfer begins.
enum TransferStart: Sendable, Hashable {
    case address(URL)
    /// Where an earlier one broke off, as the system has noted it.
    case rest(Data)
}

/// What a transfer tells.
enum TransferSignal: Sendable, Hashable {
    case progress(done: Int, total: Int?)
    case ended(TransferEnd)
}

/// How a transfer ended.
enum TransferEnd: Sendable, Hashable {
    /// The package stands on the shelf.
    case arrived
    /// What is to go on from stands on the shelf, if there is anything.
    case failed(TransferFailure)
}

/// Why a transfer ended without a package.
enum TransferFailure: Sendable, Hashable {
    /// The server has another answer than the file.
    case status(Int)
    /// Somebody asked for its end.
    case cancelled
    /// The system ended it: the app was swiped away, or its background work was forbidden.
    case endedBySystem
    /// There is no room, or the folder is gone; a domain and its number.
    case disk(String, Int)
    /// The connection failed; a number of `NSURLErrorDomain`.
    case connection(Int)
}

/// Decides how a package comes to be here. It holds no session and touches no file.
struct DownloadCourse {
    enum Begin: Hashable {
        /// It is here.
        case install
        /// It is on its way.
        case join
        /// A part of it was.
        case goOn(Data)
        case begin
    }

    private var wentOn = false
    private var hasRepeated = false

    mutating func begin(isHere: Bool, isUnderWay: Bool, rest: Data?) -> Begin {
        if isHere { return .install }
        if isUnderWay { return .join }
        wentOn = rest != nil
        return rest.map { .goOn($0) } ?? .begin
    }

    /// Nil where it is to be begun once more, from what is there then.
    mutating func error(after failure: TransferFailure, host: String) -> WheelworkError? {
        if !hasRepeated, repeats(failure) {
            hasRepeated = true
            return nil
        }
        return WheelworkError(failure, host: host)
    }

    /// Whether a package that could not be installed for this would fail at the next try, too. One for which there was no room,
    /// or whose signature is unknown, waits for the next try.
    static func isSpoilt(_ error: any Error) -> Bool {
        guard let error = error as? WheelworkError else { return false }
        return error.kind == .reinstall || error.code.rawValue.hasPrefix("container_")
    }

    private func repeats(_ failure: TransferFailure) -> Bool {
        switch failure {
        case .endedBySystem: true
        // The server has another file by now than the one that a part is here of.
        case .status(412), .status(416): wentOn
        // So may the part be gone, which the system keeps.
        case .disk: wentOn
        case .status, .cancelled, .connection: false
        }
    }
}

/// Where packages wait for their installation, and what is noted to go on from.
struct DownloadShelf: Sendable {
    let folder: AppFolder

    func make() async throws(WheelworkError) { try await folder.make() }

    func package(_ name: String) -> URL { file(name, "wwpkg") }

    func has(_ name: String) -> Bool { FileManager.default.fileExists(atPath: package(name).path) }

    func rest(_ name: String) -> Data? { try? Data(contentsOf: file(name, "rest")) }

    /// Notes what a transfer that broke off can go on from; nil, there is nothing.
    func keep(_ rest: Data?, of name: String) {
        let file = file(name, "rest")
        guard let rest, (try? rest.write(to: file, options: .atomic)) != nil else {
            try? FileManager.default.removeItem(at: file)
            return
        }
    }

    /// Takes over what the system has fetched, before it removes its own file.
    func take(_ fetched: URL, _ name: String, status: Int) -> TransferEnd {
        keep(nil, of: name)
        guard status == 200 || status == 206 else { return .failed(.status(status)) }
        let files = FileManager.default
        do {
            try files.createDirectory(at: folder.url, withIntermediateDirectories: true)
            if has(name) { try files.removeItem(at: package(name)) }
            try files.moveItem(at: fetched, to: package(name))
            return .arrived
        } catch {
            return .failed(.disk((error as NSError).domain, (error as NSError).code))
        }
    }

    func clear(_ name: String) {
        for file in [package(name), file(name, "rest")] { try? FileManager.default.removeItem(at: file) }
    }

    /// Whatever a name has in it, its file stands in the folder.
    private func file(_ name: String, _ kind: String) -> URL {
        let plain = name.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? name
        return folder.url.appendingPathComponent("\(plain).\(kind)")
    }
}

extension WheelworkError {
    /// The loop is gone, the transfer is not.
    static let leftDownload = cancelledDownload("nobody waits for the download any more; the system goes on with it")

    static func otherReader(_ name: String) -> WheelworkError {
        WheelworkError(
            kind: .retry, code: .busy, remedy: "wait in one place only", remedyKind: "give", place: name,
            reason: "another loop waits for the download of `\(name)` now")
    }

    private static func cancelledDownload(_ reason: String) -> WheelworkError {
        WheelworkError(
            kind: .retry, code: .storeCancelled, remedy: "try again: what was done is kept", remedyKind: "continue",
            place: nil, reason: reason)
    }

    fileprivate init(_ failure: TransferFailure, host: String) {
        switch failure {
        case .status(let status):
            let isForLater = status >= 500 || status == 429 || status == 408
            self.init(
                kind: .retry, code: .refusedByServer, remedy: isForLater ? "try again later" : "look at the address",
                remedyKind: isForLater ? "wait" : "give", place: host, reason: "\(host) answers with status \(status)")
        case .cancelled: self = .cancelledDownload("the download was cancelled")
        case .endedBySystem: self = .cancelledDownload("the system ended the download")
        case .disk(let domain, let code):
            self.init(
                kind: .retry, code: .downloadFile,
                remedy: "look whether the disk has room and the folder can be written, then try again",
                remedyKind: "check_storage", place: nil, reason: "the download could not be written: \(domain) \(code)")
        case .connection(let code):
            self.init(
                kind: .retry, code: .connection, remedy: "try again: what has arrived is kept", remedyKind: "continue",
                place: host, reason: "the connection to \(host) failed: NSURLErrorDomain \(code)")
        }
    }
}

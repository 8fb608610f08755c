import Foundation

/// A folder of the app's own with what the system is to know of it: when its files can be read, and whether backups take them.
///
/// ``ModelStore`` makes its own. One for conversations is made before they are kept in it:
///
/// ```swift
/// let folder = AppFolder(home.appending(path: "conversations"))
/// try await folder.make()
/// try await chat.keep(in: folder.url.appending(path: "first"), key: key)
/// ```
public struct AppFolder: Sendable, Hashable {
    /// Where it stands: in the app's container, or in the one of its app group.
    public let url: URL
    /// When its files can be read.
    public var protection: DataProtection
    /// Whether backups take its files. A model can be fetched again, and a conversation's key leaves the device in no backup.
    public var isInBackups: Bool

    public init(_ url: URL, protection: DataProtection = .untilFirstUnlock, isInBackups: Bool = false) {
        self.url = url
        self.protection = protection
        self.isInBackups = isInBackups
    }

    /// Makes the folder where it is missing, and tells the system. What comes into it later has the same protection; what is in
    /// it already gets it now. Some milliseconds. Error: ``WheelworkError/Code/folderAttributes``.
    public func make() async throws(WheelworkError) {
        try await blocking { [self] in try make(by: FileManagerFolders()) }
    }

    func make(by system: some FolderSystem) throws(WheelworkError) {
        try told(url) {
            try system.make(url)
            try system.setInBackups(url, isInBackups)
        }
        // The folder first: what is made in it meanwhile has its protection already.
        for item in [url] + (try told(url) { try system.contents(url) }) {
            try told(item) {
                do {
                    if try system.protection(item) != protection { try system.protect(item, protection) }
                } catch let error as CocoaError where error.isMissingFile && item != url {
                    // What another process has removed meanwhile needs no protection.
                }
            }
        }
    }

    private func told<T>(_ item: URL, _ call: () throws -> T) throws(WheelworkError) -> T {
        do {
            return try call()
        } catch {
            let error = error as NSError
            throw WheelworkError(
                kind: .retry, code: .folderAttributes,
                remedy: "give a folder of the app's own, and try again while the device is unlocked",
                remedyKind: "give", place: item.path,
                reason: "`\(item.lastPathComponent)` could not be made `\(protection.rawValue)`, out of backups or at all: "
                    + "\(error.domain) \(error.code)")
        }
    }
}

extension CocoaError {
    fileprivate var isMissingFile: Bool { code == .fileNoSuchFile || code == .fileReadNoSuchFile }
}

/// When the files of a folder can be read: the data protection classes of Apple's systems. Elsewhere they mean nothing.
public enum DataProtection: String, Sendable, CaseIterable {
    /// While the device is unlocked. A turn that goes on behind a locked screen cannot save itself.
    case complete
    /// As `complete`; what was open when the device was locked can still be read and written.
    case completeUnlessOpen
    /// From the first unlock after a start of the device on: what a model needs that opens or saves behind a locked screen.
    case untilFirstUnlock
    /// Always.
    case none
}

/// What is asked of the file system: the system's, or a test's.
protocol FolderSystem: Sendable {
    func make(_ folder: URL) throws
    /// Files and folders in it, however deep.
    func contents(_ folder: URL) throws -> [URL]
    /// Nil where the file system has no such classes, or the one that it gives by itself.
    func protection(_ item: URL) throws -> DataProtection?
    func protect(_ item: URL, _ protection: DataProtection) throws
    func setInBackups(_ folder: URL, _ isInBackups: Bool) throws
}

struct FileManagerFolders: FolderSystem {
    private var files: FileManager { .default }

    func make(_ folder: URL) throws {
        try files.createDirectory(at: folder, withIntermediateDirectories: true)
    }

    func contents(_ folder: URL) throws -> [URL] {
        try files.subpathsOfDirectory(atPath: folder.path).map { folder.appendingPathComponent($0) }
    }

    #if os(macOS)
        // A Mac's files are protected as a whole.
        func protection(_ item: URL) throws -> DataProtection? { nil }
        func protect(_ item: URL, _ protection: DataProtection) throws {}
    #else
        func protection(_ item: URL) throws -> DataProtection? {
            let type = try files.attributesOfItem(atPath: item.path)[.protectionKey] as? FileProtectionType
            return type.flatMap { type in DataProtection.allCases.first { $0.type == type } }
        }

        func protect(_ item: URL, _ protection: DataProtection) throws {
            try files.setAttributes([.protectionKey: protection.type], ofItemAtPath: item.path)
        }
    #endif

    #if canImport(Darwin)
        func setInBackups(_ folder: URL, _ isInBackups: Bool) throws {
            var folder = folder
            var values = URLResourceValues()
            values.isExcludedFromBackup = !isInBackups
            try folder.setResourceValues(values)
        }
    #else
        func setInBackups(_ folder: URL, _ isInBackups: Bool) throws {}
    #endif
}

extension DataProtection {
    fileprivate var type: FileProtectionType {
        switch self {
        case .complete: .complete
        case .completeUnlessOpen: .completeUnlessOpen
        case .untilFirstUnlock: .completeUntilFirstUserAuthentication
        case .none: FileProtectionType.none
        }
    }
}

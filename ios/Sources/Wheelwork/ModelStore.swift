import Foundation
internal import WheelworkFFI

/// The models in a folder of the app's own, which need not exist yet.
///
/// Several may stand for the same folder, here and in other processes, such as an extension of the app's group: one installs or
/// removes at a time, another is told ``WheelworkError/Code/storeBusy``.
public final class ModelStore: Sendable {
    /// Where the models stand. Backups leave it out: models can be fetched again.
    public let folder: URL
    private let place: AppFolder
    private let handle: StoreHandle

    /// `keys` say whose signatures count, `protection` when the models can be read: with the default from the first unlock after
    /// a start of the device on.
    public init(
        _ folder: URL, keys: [PublicKey] = [], protection: DataProtection = .untilFirstUnlock
    ) throws(WheelworkError) {
        self.folder = folder
        place = AppFolder(folder, protection: protection)
        handle = try translated { try StoreHandle.open(modelsDir: folder.path, keys: keys.map(\.pem)) }
    }

    /// Installs a package, or a new version of one: only what is not here is read from the source, and the old version stands
    /// until the new one is complete and opens. After an error, a cancel or the end of the process, the old version is as it was,
    /// and the next try goes on from what has arrived.
    public func install(
        _ source: PackageSource, options: InstallOptions = InstallOptions()
    ) -> Steps<InstallEvent> {
        transfer(source, options) { store, source, options in try store.install(source: source, options: options) }
    }

    /// Makes an installed model whole again with the package that it was installed from: reads every installed byte and takes
    /// from the source only what is damaged.
    public func repair(
        _ name: String, from source: PackageSource, options: InstallOptions = InstallOptions()
    ) -> Steps<InstallEvent> {
        transfer(source, options) { store, source, options in
            try store.repair(name: name, source: source, options: options)
        }
    }

    /// Compares every byte of an installed model with what was installed.
    public func verify(_ name: String) -> Steps<VerifyEvent> {
        Steps { [handle] in
            let verifying = try await blocking { try handle.verify(name: name) }
            return LongCall(next: { try await verifying.next().map(VerifyEvent.init) }, cancel: { verifying.cancel() })
        }
    }

    /// What is installed, and what has not arrived completely.
    public func list() async throws(WheelworkError) -> StoreContents {
        StoreContents(try await blocking { [handle] in try handle.list() })
    }

    /// Removes a model with its versions and unfinished transfers, for good. An engine that has it open goes on.
    public func remove(_ name: String) async throws(WheelworkError) {
        try await blocking { [handle] in try handle.remove(name: name) }
    }

    /// Removes what interrupted calls have left and, if asked, transfers that the next installation would go on with.
    public func collectGarbage(partials: Bool = false) async throws(WheelworkError) -> GarbageReport {
        GarbageReport(try await blocking { [handle] in try handle.collectGarbage(partials: partials) })
    }

    /// Bytes that may still be written where the models stand.
    public func freeBytes() async throws(WheelworkError) -> Int {
        count(try await blocking { [handle] in try handle.freeBytes() })
    }

    /// What the first bytes of a package file say, without reading on: whether it is newer, how large, who signed it.
    public func head(_ source: PackageSource) async throws(WheelworkError) -> PackageHead {
        PackageHead(try await blocking { [handle] in try handle.head(source: try source.seekable()) })
    }

    private func transfer(
        _ source: PackageSource, _ options: InstallOptions,
        _ begin: @escaping @Sendable (StoreHandle, WheelworkFFI.PackageSource, WheelworkFFI.InstallOptions) throws ->
            InstallHandle
    ) -> Steps<InstallEvent> {
        Steps { [handle, place] in
            let values = try options.ffi()
            try await place.make()
            guard case .ranges(let from) = source else {
                let installing = try await blocking { try begin(handle, try source.seekable(), values) }
                return LongCall(
                    next: { try await installing.next().map(InstallEvent.init) }, cancel: { installing.cancel() })
            }
            let pipe = try await blocking { try PackagePipe.open() }
            let installing = try await blocking { try begin(handle, .pushed(pipe: pipe), values) }
            let feeding = Task { await feed(pipe, from) }
            return LongCall(
                next: {
                    let event = try await installing.next()
                    if event == nil { feeding.cancel() }
                    return event.map(InstallEvent.init)
                },
                cancel: {
                    feeding.cancel()
                    installing.cancel()
                })
        }
    }
}

/// Pushes what the app fetches, from where the installation wants it. How the installation ends says whether that was enough.
private func feed(_ pipe: PackagePipe, _ from: PackageSource.Ranges) async {
    do {
        var position: UInt64 = 0
        while true {
            let start = position
            var isSkipping = false
            for try await piece in from(count(start)) {
                let wanted = try await pipe.push(at: position, bytes: piece)
                position += UInt64(piece.count)
                if wanted > position {
                    position = wanted
                    isSkipping = true
                    break
                }
            }
            if !isSkipping { break }
        }
        pipe.finish()
    } catch {
        pipe.abandon()
    }
}

/// Where a `.wwpkg` package comes from.
public enum PackageSource: Sendable {
    /// The bytes of a package from a position to its end, in pieces of any length.
    public typealias Ranges = @Sendable (_ position: Int) -> AsyncThrowingStream<Data, any Error>

    /// A file, such as one in the bundle. What a server has, ``PackageDownloads`` fetches.
    case file(URL)
    /// A part of an open file of this process; nil, to its end. It stays the caller's.
    case descriptor(Int32, offset: Int = 0, length: Int? = nil)
    /// A download of the app's own. It is asked for position 0, and for later ones where bytes are here already; a download that
    /// can't ask for a range gives nothing there.
    case ranges(Ranges)

    func seekable() throws -> WheelworkFFI.PackageSource {
        switch self {
        case .file(let url): .file(path: url.path)
        case .descriptor(let descriptor, let offset, let length):
            .descriptor(
                descriptor: descriptor, offset: try byteCount(offset, "offset"),
                length: try length.map { try byteCount($0, "length") })
        case .ranges: .pushed(pipe: try PackagePipe.open())
        }
    }
}

/// How a package is installed.
public struct InstallOptions: Sendable, Hashable {
    /// What is done with a package that none of the store's keys has signed.
    public enum Unsigned: String, Sendable, CaseIterable {
        /// It is refused.
        case refused
        /// It is installed, and the report says so.
        case told
        /// Nothing is checked.
        case unchecked
    }

    public var unsigned = Unsigned.refused
    /// Whether a lower version than the installed one is accepted.
    public var allowsDowngrade = false
    /// Threads that check and decompress; nil, as many as memory below 64 MB allows.
    public var threads: Int?

    public init(_ configure: (inout InstallOptions) -> Void = { _ in }) {
        configure(&self)
    }

    func ffi() throws(WheelworkError) -> WheelworkFFI.InstallOptions {
        let policy: SignaturePolicy =
            switch unsigned {
            case .refused: .require
            case .told: .warn
            case .unchecked: .off
            }
        return WheelworkFFI.InstallOptions(
            policy: policy, allowDowngrade: allowsDowngrade, threads: try natural(threads, "threads"))
    }
}

import Foundation
internal import WheelworkFFI

/// What an installation tells: progress, then the end.
public enum InstallEvent: Sendable, Hashable {
    /// Bytes of content done in a step, of those that it has to do.
    case progress(StoreStep, done: Int, total: Int)
    /// The end; nothing follows.
    case finished(InstallReport)

    init(_ event: WheelworkFFI.InstallEvent) {
        switch event {
        case .progress(let step, let doneBytes, let totalBytes):
            self = .progress(StoreStep(step), done: count(doneBytes), total: count(totalBytes))
        case .finished(let report): self = .finished(InstallReport(report))
        }
    }
}

/// A step of an installation.
public enum StoreStep: String, Sendable, CaseIterable {
    /// Packing: reading the files. Not on a phone.
    case scan
    /// Packing: compressing. Not on a phone.
    case compress
    /// Comparing what an interrupted try has left.
    case resume
    /// Taking equal files and parts from the installed version.
    case reuse
    /// Reading from the source.
    case receive
    /// Comparing digests.
    case verify
    /// Checking the result and waiting for the disk.
    case sync

    init(_ step: WheelworkFFI.StoreStep) {
        switch step {
        case .scan: self = .scan
        case .compress: self = .compress
        case .resume: self = .resume
        case .reuse: self = .reuse
        case .receive: self = .receive
        case .verify: self = .verify
        case .sync: self = .sync
        }
    }
}

/// What an installation did.
public struct InstallReport: Sendable, Hashable {
    /// The model.
    public let name: String
    /// The counter that its maker raises with every release.
    public let version: Int
    /// SHA-256 of its index, in lowercase hexadecimal.
    public let id: String
    /// The folder to open.
    public let folder: URL
    /// How the signature stands.
    public let signature: SignatureState
    /// False where this very package was installed already, whole.
    public let isNew: Bool
    /// The version that was installed before.
    public let replacedVersion: Int?
    /// Bytes, as stored, that the package has.
    public let packageBytes: Int
    /// Of these, bytes that were read from the source.
    public let receivedBytes: Int
    /// Of these, bytes that an interrupted try had left.
    public let resumedBytes: Int
    /// Of these, bytes that the installed version had already.
    public let reusedBytes: Int

    init(_ report: WheelworkFFI.InstallReport) {
        name = report.name
        version = count(report.version)
        id = report.id
        folder = URL(fileURLWithPath: report.path, isDirectory: true)
        signature = SignatureState(report.signature)
        isNew = report.isNew
        replacedVersion = report.replacedVersion.map { count($0) }
        packageBytes = count(report.packageBytes)
        receivedBytes = count(report.receivedBytes)
        resumedBytes = count(report.resumedBytes)
        reusedBytes = count(report.reusedBytes)
    }
}

/// How a signature stands.
public enum SignatureState: Sendable, Hashable {
    /// By a key of the store.
    case valid(key: String)
    /// There is none.
    case missing
    /// By a key that the store does not have.
    case unknownKey(hint: String)
    /// It does not belong to the package.
    case invalid(why: String)
    /// Nobody looked.
    case notChecked

    init(_ state: WheelworkFFI.SignatureState) {
        switch state {
        case .valid(let key): self = .valid(key: key)
        case .missing: self = .missing
        case .unknownKey(let hint): self = .unknownKey(hint: hint)
        case .invalid(let why): self = .invalid(why: why)
        case .notChecked: self = .notChecked
        }
    }
}

/// What a verification tells: progress, then the end.
public enum VerifyEvent: Sendable, Hashable {
    /// Bytes read, of those to read.
    case progress(done: Int, total: Int)
    /// The end; nothing follows.
    case finished(VerifyReport)

    init(_ event: WheelworkFFI.VerifyEvent) {
        switch event {
        case .progress(let doneBytes, let totalBytes):
            self = .progress(done: count(doneBytes), total: count(totalBytes))
        case .finished(let report): self = .finished(VerifyReport(report))
        }
    }
}

/// What a verification found.
public struct VerifyReport: Sendable, Hashable {
    /// The model.
    public let name: String
    /// Files that it has.
    public let files: Int
    /// Bytes of these files.
    public let bytes: Int
    /// Everything that is wrong; empty for a model that is whole. A repair cures it.
    public let damage: [Damage]

    init(_ report: WheelworkFFI.VerifyReport) {
        name = report.name
        files = count(report.files)
        bytes = count(report.bytes)
        damage = report.damage.map(Damage.init)
    }
}

/// Something that is not as it was installed.
public enum Damage: Sendable, Hashable {
    /// The record of what was installed is missing or damaged, so nothing can be compared.
    case head
    /// A file is missing.
    case missing(file: String)
    /// A file has another size.
    case size(file: String, found: Int, expected: Int)
    /// A part of a file has another content.
    case chunk(file: String, chunk: Int, offset: Int, bytes: Int)
    /// A file that was not installed.
    case unexpected(file: String)

    init(_ damage: WheelworkFFI.Damage) {
        switch damage {
        case .head: self = .head
        case .missing(let file): self = .missing(file: file)
        case .size(let file, let found, let expected):
            self = .size(file: file, found: count(found), expected: count(expected))
        case .chunk(let file, let chunk, let offset, let bytes):
            self = .chunk(file: file, chunk: count(chunk), offset: count(offset), bytes: count(bytes))
        case .unexpected(let file): self = .unexpected(file: file)
        }
    }
}

/// What is in a store.
public struct StoreContents: Sendable, Hashable {
    /// Installed models, by name.
    public let models: [InstalledModel]
    /// Transfers that ended early, by name: the next installation of the same package goes on from there.
    public let partials: [Partial]

    /// A transfer that ended early.
    public struct Partial: Sendable, Hashable {
        /// The model's name.
        public let name: String
        /// The version that was on its way; nil where not even that has arrived.
        public let version: Int?
        /// Bytes that are there.
        public let bytes: Int
    }

    init(_ contents: WheelworkFFI.StoreContents) {
        models = contents.models.map(InstalledModel.init)
        partials = contents.partials.map {
            Partial(name: $0.name, version: $0.version.map { count($0) }, bytes: count($0.bytes))
        }
    }
}

/// An installed model.
public struct InstalledModel: Sendable, Hashable {
    /// Its name.
    public let name: String
    /// The folder to open.
    public let folder: URL
    /// The package that it was installed from; nil where that record is damaged, which a repair cures.
    public let source: Source?
    /// How the signature stands, by the store's keys.
    public let signature: SignatureState

    /// The package that a model was installed from.
    public struct Source: Sendable, Hashable {
        /// The counter that its maker raises with every release.
        public let version: Int
        /// SHA-256 of its index, in lowercase hexadecimal: equal ids are equal packages.
        public let id: String
        /// Bytes of its files.
        public let bytes: Int
    }

    init(_ model: WheelworkFFI.InstalledModel) {
        name = model.name
        folder = URL(fileURLWithPath: model.path, isDirectory: true)
        source = model.package.map { Source(version: count($0.version), id: $0.id, bytes: count($0.bytes)) }
        signature = SignatureState(model.signature)
    }
}

/// What was removed.
public struct GarbageReport: Sendable, Hashable {
    /// Versions that were replaced and could not be removed then.
    public let versions: Int
    /// Unfinished transfers.
    public let partials: Int
    /// Packages that a killed process had made only to install them.
    public let staged: Int
    /// Bytes of their files.
    public let bytes: Int

    init(_ report: WheelworkFFI.GarbageReport) {
        versions = count(report.versions)
        partials = count(report.partials)
        staged = count(report.staged)
        bytes = count(report.bytes)
    }
}

/// What the first bytes of a package file say of it.
public struct PackageHead: Sendable, Hashable {
    /// The model's name.
    public let name: String
    /// The counter that its maker raises with every release.
    public let version: Int
    /// SHA-256 of its index, in lowercase hexadecimal: equal ids are equal packages.
    public let id: String
    /// How the signature stands, by the store's keys.
    public let signature: SignatureState
    /// Bytes of the package file.
    public let containerBytes: Int
    /// Bytes of the files in it, once they are installed.
    public let fileBytes: Int
    /// How many files.
    public let files: Int

    init(_ head: WheelworkFFI.PackageHead) {
        name = head.name
        version = count(head.version)
        id = head.id
        signature = SignatureState(head.signature)
        containerBytes = count(head.containerBytes)
        fileBytes = count(head.fileBytes)
        files = count(head.files)
    }
}

extension Steps where Element == InstallEvent {
    /// Reads to the end and gives what was done.
    public func report() async throws(WheelworkError) -> InstallReport {
        try await last { if case .finished(let report) = $0 { report } else { nil } }
    }
}

extension Steps where Element == InstallEvent {
    /// As ``report()``, and keeps a progress up to date, of bytes that are received: what a view or the system shows.
    public func report(to progress: Progress) async throws(WheelworkError) -> InstallReport {
        try await last { event in
            switch event {
            case .progress(.receive, let done, let total):
                progress.totalUnitCount = Int64(total)
                progress.completedUnitCount = Int64(done)
                return nil
            case .progress: return nil
            case .finished(let report):
                progress.completedUnitCount = progress.totalUnitCount
                return report
            }
        }
    }
}

extension Steps where Element == VerifyEvent {
    /// Reads to the end and gives what was found.
    public func report() async throws(WheelworkError) -> VerifyReport {
        try await last { if case .finished(let report) = $0 { report } else { nil } }
    }
}

extension Steps {
    func last<R>(_ pick: (Element) -> R?) async throws(WheelworkError) -> R {
        var found: R?
        var steps = makeAsyncIterator()
        while let step = try await steps.next() { found = pick(step) ?? found }
        guard let found else {
            throw WheelworkError(
                kind: .bug, code: .panicked, remedy: "report this", remedyKind: "report", place: nil,
                reason: "the call ended without an end")
        }
        return found
    }
}

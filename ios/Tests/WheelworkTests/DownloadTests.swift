import Foundation
import Testing

@testable import Wheelwork

#if canImport(FoundationNetworking)
    import FoundationNetworking
#endif

/// Packages that the system fetches: by a system that is scripted, and by the session of this one with a server of the test's.
@Suite struct DownloadTests {
    private let package = packages.appendingPathComponent("1.wwpkg")
    private let address = URL(string: "https://models.test/r1.wwpkg")!
    private let told = InstallOptions { $0.unsigned = .told }

    /// Who fetches as a test wants it: each beginning takes the next part of the script.
    private final class Scripted: PackageTransfers {
        enum Part {
            case progress(Int, Int?)
            /// The file arrives, with this status.
            case arrives(URL, Int)
            case fails(TransferFailure, rest: Data?)
        }

        private let shelf: DownloadShelf
        private let parts: Locked<[[Part]]>
        private let reader = Locked<AsyncStream<TransferSignal>.Continuation?>(nil)
        private let running = Locked<Set<String>>([])
        let begun = Locked<[TransferStart]>([])
        /// How often it was asked what is under way.
        let asked = Locked(0)

        init(_ shelf: DownloadShelf, _ parts: [[Part]]) {
            self.shelf = shelf
            self.parts = Locked(parts)
        }

        func underWay() async -> Set<String> {
            asked.with { $0 += 1 }
            return running.with { $0 }
        }

        func begin(_ name: String, _ start: TransferStart) {
            begun.with { $0.append(start) }
            running.with { _ = $0.insert(name) }
            go(name)
        }

        /// Goes through the next part, whether somebody reads or not.
        func go(_ name: String) {
            for part in parts.with({ $0.isEmpty ? [] : $0.removeFirst() }) {
                switch part {
                case .progress(let done, let total): tell(.progress(done: done, total: total))
                case .arrives(let file, let status):
                    let fetched = shelf.folder.url.appendingPathComponent(UUID().uuidString)
                    try? FileManager.default.copyItem(at: file, to: fetched)
                    running.with { _ = $0.remove(name) }
                    tell(.ended(shelf.take(fetched, name, status: status)))
                case .fails(let failure, let rest):
                    shelf.keep(rest, of: name)
                    running.with { _ = $0.remove(name) }
                    tell(.ended(.failed(failure)))
                }
            }
        }

        func end(_ name: String) async {
            if running.with({ $0.remove(name) }) != nil {
                shelf.keep(Data("rest".utf8), of: name)
                tell(.ended(.failed(.cancelled)))
            }
        }

        func signals(_ name: String) -> AsyncStream<TransferSignal> {
            let (signals, telling) = AsyncStream<TransferSignal>.makeStream()
            let before = reader.with { reader in
                defer { reader = telling }
                return reader
            }
            before?.finish()
            return signals
        }

        private func tell(_ signal: TransferSignal) {
            _ = reader.with { $0 }?.yield(signal)
        }
    }

    private func with(
        _ parts: [[Scripted.Part]],
        _ body: (PackageDownloads, Scripted, ModelStore, DownloadShelf) async throws -> Void
    ) async throws {
        try await withFolder { home in
            let shelf = DownloadShelf(folder: AppFolder(home.appendingPathComponent("downloads")))
            let transfers = Scripted(shelf, parts)
            let store = try ModelStore(home.appendingPathComponent("models"))
            try await body(PackageDownloads(shelf, transfers), transfers, store, shelf)
        }
    }

    @Test func what_arrives_is_installed_and_taken_off_the_shelf() async throws {
        try await with([[.progress(10, 100), .progress(100, 100), .arrives(package, 200)]]) { downloads, transfers, store, shelf in
            var (events, ends) = ([DownloadEvent](), 0)
            for try await event in downloads.install(address, as: "r1", in: store, options: told) {
                events.append(event)
                if case .finished(let report) = event {
                    ends += 1
                    #expect(report.name == "story" && report.isNew)
                }
            }
            #expect(ends == 1 && transfers.begun.with { $0 } == [.address(address)])
            #expect(try await store.list().models.map(\.name) == ["story"])
            #expect(!shelf.has("r1") && shelf.rest("r1") == nil)
            #expect(try FileManager.default.contentsOfDirectory(atPath: shelf.folder.url.path).isEmpty)
        }
    }

    @Test func a_progress_follows_both_halves() async throws {
        try await with([[.progress(50, 100), .arrives(package, 206)]]) { downloads, _, store, _ in
            let progress = Progress(totalUnitCount: 1)
            let report = try await downloads.install(address, as: "r1", in: store, options: told).report(to: progress)
            #expect(report.isNew && progress.fractionCompleted == 1 && progress.totalUnitCount > 1)
        }
    }

    @Test func a_transfer_outlives_its_loop_and_its_process() async throws {
        try await with([[.progress(10, nil)], [.arrives(package, 200)]]) { downloads, transfers, store, shelf in
            for try await event in downloads.install(address, as: "r1", in: store, options: told) {
                #expect(event == .fetching(done: 10, total: nil))
                break
            }
            #expect(await downloads.underWay() == ["r1"])
            // The next process: nobody reads when the package arrives.
            transfers.go("r1")
            #expect(shelf.has("r1"))
            let next = PackageDownloads(shelf, transfers)
            #expect(try await next.install(address, as: "r1", in: store, options: told).report().isNew)
            #expect(transfers.begun.with { $0.count } == 1)
        }
    }

    @Test func a_second_loop_waits_for_the_same_transfer_and_the_first_is_told() async throws {
        try await with([[.progress(10, 100)], [.arrives(package, 200)]]) { downloads, transfers, store, _ in
            let (waits, waiting) = AsyncStream<Void>.makeStream()
            let first = Task { [address, told] in
                for try await _ in downloads.install(address, as: "r1", in: store, options: told) { waiting.yield() }
            }
            for await _ in waits { break }
            async let report = downloads.install(address, as: "r1", in: store, options: told).report()
            _ = await failure(.busy) { try await first.value }
            transfers.go("r1")
            let isNew = try await report.isNew
            #expect(isNew)
            #expect(transfers.begun.with { $0.count } == 1)
        }
    }

    @Test func a_cancelled_task_leaves_the_transfer_and_a_cancel_ends_it() async throws {
        try await with([[.progress(10, 100)], [.arrives(package, 200)]]) { downloads, transfers, store, shelf in
            let (waits, waiting) = AsyncStream<Void>.makeStream()
            let loop = Task { [address, told] in
                for try await _ in downloads.install(address, as: "r1", in: store, options: told) { waiting.yield() }
            }
            for await _ in waits { break }
            loop.cancel()
            let left = await failure(.storeCancelled) { try await loop.value }
            #expect(left?.reason.contains("goes on") == true)
            #expect(await downloads.underWay() == ["r1"])
            async let ended = failure(.storeCancelled) {
                _ = try await downloads.install(address, as: "r1", in: store, options: told).report()
            }
            // By the first loop, by this test, and by the second loop, which reads from before on.
            try await eventually { transfers.asked.with { $0 } == 3 }
            await downloads.cancel("r1")
            #expect(await ended?.remedyKind == "continue")
            let report = try await downloads.install(address, as: "r1", in: store, options: told).report()
            #expect(report.isNew)
            #expect(transfers.begun.with { $0 } == [.address(address), .rest(Data("rest".utf8))])
        }
    }

    @Test func what_broke_off_goes_on_from_there() async throws {
        let rest = Data("here".utf8)
        try await with([
            [.progress(10, 100), .fails(.connection(-1005), rest: rest)], [.arrives(package, 206)],
        ]) { downloads, transfers, store, _ in
            let broken = await failure(.connection) {
                _ = try await downloads.install(address, as: "r1", in: store, options: told).report()
            }
            #expect(broken?.place == "models.test" && broken?.remedyKind == "continue")
            let report = try await downloads.install(address, as: "r1", in: store, options: told).report()
            #expect(report.isNew)
            #expect(transfers.begun.with { $0 } == [.address(address), .rest(rest)])
        }
    }

    @Test func what_the_system_ended_is_begun_once_more_by_itself() async throws {
        let rest = Data("here".utf8)
        try await with([
            [.fails(.endedBySystem, rest: rest)], [.fails(.endedBySystem, rest: nil)],
        ]) { downloads, transfers, store, _ in
            _ = await failure(.storeCancelled) {
                _ = try await downloads.install(address, as: "r1", in: store, options: told).report()
            }
            #expect(transfers.begun.with { $0 } == [.address(address), .rest(rest)])
        }
    }

    @Test func a_part_that_no_longer_fits_is_let_go() async throws {
        try await with([
            [.fails(.connection(-1005), rest: Data("old".utf8))], [.arrives(package, 416)], [.arrives(package, 200)],
        ]) { downloads, transfers, store, _ in
            _ = await failure(.connection) {
                _ = try await downloads.install(address, as: "r1", in: store, options: told).report()
            }
            let report = try await downloads.install(address, as: "r1", in: store, options: told).report()
            #expect(report.isNew)
            #expect(transfers.begun.with { $0.last } == .address(address))
        }
    }

    @Test func what_the_server_and_the_disk_refuse_is_told() async throws {
        let cases: [(Scripted.Part, WheelworkError.Code, String)] = [
            (.arrives(package, 404), .refusedByServer, "give"), (.arrives(package, 503), .refusedByServer, "wait"),
            (.arrives(package, 416), .refusedByServer, "give"),
            (.fails(.disk("NSPOSIXErrorDomain", 28), rest: nil), .downloadFile, "check_storage"),
        ]
        for (part, code, remedy) in cases {
            try await with([[part]]) { downloads, _, store, shelf in
                let refused = await failure(code) {
                    _ = try await downloads.install(address, as: "r1", in: store, options: told).report()
                }
                #expect(refused?.remedyKind == remedy)
                #expect(!shelf.has("r1"))
            }
        }
    }

    @Test func only_https_is_fetched_and_a_name_stays_in_its_folder() async throws {
        try await with([[.arrives(package, 200)]]) { downloads, transfers, store, shelf in
            for address in ["http://models.test/r1.wwpkg", "ftp://models.test/r1.wwpkg", "file:///r1.wwpkg"] {
                _ = await failure(.notHttps) {
                    _ = try await downloads.install(URL(string: address)!, as: "r1", in: store).report()
                }
            }
            _ = await failure(.outOfRange) { _ = try await downloads.install(address, as: "", in: store).report() }
            #expect(transfers.begun.with { $0.isEmpty })
            for name in ["../../r1", ".", "a/b", "r1\u{0}", "模型 🦀"] {
                let file = shelf.package(name)
                #expect(file.deletingLastPathComponent().path == shelf.folder.url.path, "\(name)")
            }
        }
    }

    @Test func a_damaged_package_stays_on_no_shelf() async throws {
        try await withFolder { home in
            let damaged = home.appendingPathComponent("damaged")
            try Data("no package".utf8).write(to: damaged)
            try await with([[.arrives(damaged, 200)], [.arrives(package, 200)]]) { downloads, _, store, shelf in
                await #expect(throws: WheelworkError.self) {
                    _ = try await downloads.install(address, as: "r1", in: store, options: told).report()
                }
                #expect(!shelf.has("r1"), "it would never be fetched again")
                let report = try await downloads.install(address, as: "r1", in: store, options: told).report()
                #expect(report.isNew)
            }
        }
    }

    @Test func a_package_that_may_be_installed_later_is_not_fetched_again() async throws {
        try await with([[.arrives(package, 200)]]) { downloads, transfers, store, shelf in
            _ = await failure(.signatureRequired) {
                _ = try await downloads.install(address, as: "r1", in: store).report()
            }
            #expect(shelf.has("r1"))
            let report = try await downloads.install(address, as: "r1", in: store, options: told).report()
            #expect(report.isNew && transfers.begun.with { $0.count } == 1)
            await downloads.remove("r1")
        }
    }

    @Test func the_systems_session_fetches_from_a_server() async throws {
        try await withFolder { home in
            let server = try Server(files: ["/r1.wwpkg": Data(contentsOf: package)])
            let shelf = DownloadShelf(folder: AppFolder(home.appendingPathComponent("downloads")))
            let transfers = SystemTransfers(.ephemeral, shelf)
            let (downloads, store) = (
                PackageDownloads(shelf, transfers), try ModelStore(home.appendingPathComponent("models"))
            )
            let steps = downloads.install(server.address("/r1.wwpkg"), as: "r1", in: store, options: told)
            #expect(try await steps.report().isNew)
            #expect(await downloads.underWay().isEmpty)
            _ = await failure(.refusedByServer) {
                _ = try await downloads.install(server.address("/missing"), as: "r2", in: store).report()
            }
            server.stop()
            _ = await failure(.connection) {
                _ = try await downloads.install(server.address("/r1.wwpkg"), as: "r3", in: store).report()
            }
            #expect(try FileManager.default.contentsOfDirectory(atPath: shelf.folder.url.path).isEmpty)
        }
    }

    @Test func errors_of_a_session_are_told_apart() {
        func failure(_ domain: String, _ code: Int, _ info: [String: Any] = [:]) -> TransferFailure {
            TransferFailure(NSError(domain: domain, code: code, userInfo: info))
        }
        #expect(failure(NSURLErrorDomain, -999) == .cancelled)
        #expect(failure(NSURLErrorDomain, -999, [ErrorKey.endedBySystem: 0]) == .endedBySystem)
        #expect(failure(NSURLErrorDomain, -1009) == .connection(-1009))
        #expect(failure(NSURLErrorDomain, -3003) == .disk(NSURLErrorDomain, -3003))
        #expect(failure(NSPOSIXErrorDomain, 28) == .disk(NSPOSIXErrorDomain, 28))
    }
}

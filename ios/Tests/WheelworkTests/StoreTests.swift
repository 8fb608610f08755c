import Foundation
import Testing

@testable import Wheelwork

@Suite struct StoreTests {
    private let one = packages.appendingPathComponent("1.wwpkg")
    private let two = packages.appendingPathComponent("2.wwpkg")
    private let told = InstallOptions { $0.unsigned = .told }

    private func withStore(_ body: (ModelStore, URL) async throws -> Void) async throws {
        let key = try String(contentsOf: packages.appendingPathComponent("test.pub.pem"), encoding: .utf8)
        try await withFolder { folder in
            try await body(try ModelStore(folder.appendingPathComponent("models"), keys: [try PublicKey(key)]), folder)
        }
    }

    @Test func a_model_is_installed_updated_and_removed() async throws {
        try await withStore { store, _ in
            let first = try await store.install(.file(one)).report()
            #expect(first.name == "story" && first.version == 1 && first.isNew && first.replacedVersion == nil)
            guard case .valid = first.signature else {
                Issue.record("\(first.signature)")
                return
            }
            #expect(try await store.install(.file(one)).report().isNew == false)
            let engine = try await Engine.open(first.folder)
            #expect(try await engine.chat().respond(to: question, greedy).text.contains("734"))
            await engine.closeAndWait()
            #expect(try await store.install(.file(two)).report().replacedVersion == 1)
            #expect(try await store.list().models.map { $0.source?.version } == [2])
            _ = await failure(.storeDowngrade) { _ = try await store.install(.file(one)).report() }
            #expect(try await store.verify("story").report().damage.isEmpty)
            try await store.remove("story")
            #expect(try await store.list().models.isEmpty)
            _ = await failure(.storeNotInstalled) { try await store.remove("story") }
        }
    }

    @Test func progress_comes_before_the_one_end() async throws {
        try await withStore { store, _ in
            var (steps, ends) = ([StoreStep](), 0)
            for try await event in store.install(.file(one)) {
                switch event {
                case .progress(let step, let done, let total):
                    #expect(done <= total && ends == 0)
                    if steps.last != step { steps.append(step) }
                case .finished: ends += 1
                }
            }
            #expect(ends == 1 && Set(steps).count == steps.count, "\(steps)")
        }
    }

    @Test func a_progress_follows_the_bytes_that_are_received() async throws {
        try await withStore { store, _ in
            let progress = Progress(totalUnitCount: 1)
            let report = try await store.install(.file(one)).report(to: progress)
            #expect(report.receivedBytes > 0 && progress.totalUnitCount > 1)
            #expect(progress.fractionCompleted == 1)
        }
    }

    @Test func a_download_that_breaks_off_goes_on_later() async throws {
        try await withStore { store, _ in
            let bytes = try Data(contentsOf: one)
            struct Gone: Error {}
            let broken = PackageSource.ranges { _ in
                AsyncThrowingStream { continuation in
                    continuation.yield(bytes.prefix(bytes.count / 2))
                    continuation.finish(throwing: Gone())
                }
            }
            _ = await failure(.pipeAbandoned) { _ = try await store.install(broken).report() }
            #expect(try await store.list().models.isEmpty)
            #expect(try await store.list().partials.map(\.name) == ["story"])
            #expect(try await store.collectGarbage().partials == 0, "the next installation goes on with it")
            let asked = Locked<[Int]>([])
            let ranges = PackageSource.ranges { position in
                asked.with { $0.append(position) }
                return AsyncThrowingStream { continuation in
                    for start in stride(from: position, to: bytes.count, by: 100_000) {
                        continuation.yield(bytes[start..<min(start + 100_000, bytes.count)])
                    }
                    continuation.finish()
                }
            }
            let report = try await store.install(ranges).report()
            #expect(report.isNew && report.resumedBytes > 0)
            #expect(asked.with { $0.first } == 0)
        }
    }

    @Test func leaving_an_installation_ends_it_and_the_next_one_goes_on() async throws {
        try await withStore { store, _ in
            for try await event in store.install(.file(one)) {
                if case .progress(.receive, _, _) = event { break }
            }
            // The one that was left lets go of the store within a step.
            try await eventually { (try? await store.collectGarbage()) != nil }
            let task = Task { [one] in try await store.install(.file(one)).report() }
            task.cancel()
            _ = await failure(.storeCancelled) { _ = try await task.value }
            #expect(try await store.install(.file(one)).report().version == 1)
        }
    }

    @Test func damage_is_told_and_repaired() async throws {
        try await withStore { store, _ in
            let report = try await store.install(.file(one)).report()
            let files = FileManager.default.enumerator(at: report.folder, includingPropertiesForKeys: nil)
            while let file = files?.nextObject() as? URL {
                guard file.lastPathComponent == "tokenizer.json" else { continue }
                try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: file.path)
                let handle = try FileHandle(forUpdating: file)
                try handle.write(contentsOf: Data("XXXX".utf8))
                try handle.close()
            }
            #expect(try await store.verify("story").report().damage.isEmpty == false)
            _ = await failure(.storeOtherPackage) { _ = try await store.repair("story", from: .file(two)).report() }
            _ = try await store.repair("story", from: .file(one)).report()
            #expect(try await store.verify("story").report().damage.isEmpty)
        }
    }

    @Test func a_signature_of_nobody_known_is_refused_unless_that_is_wanted() async throws {
        try await withFolder { folder in
            let store = try ModelStore(folder)
            _ = await failure(.signatureRequired) { _ = try await store.install(.file(one)).report() }
            let report = try await store.install(.file(one), options: told).report()
            guard case .unknownKey = report.signature else {
                Issue.record("\(report.signature)")
                return
            }
            _ = await failure(.notAKey) { _ = try PublicKey("no key") }
            #expect(try await store.head(.file(one)).version == 1)
            #expect(try await store.freeBytes() > 0)
        }
    }

    @Test func a_killed_process_leaves_an_installation_to_go_on_with() async throws {
        try await withFolder { folder in
            let store = try ModelStore(folder)
            for _ in 0..<3 {
                let child = try Child("install", folder.path, one.path)
                while let step = try child.line(), step != "receive", step != "done" {}
                child.kill()
                let found = try await store.list()
                #expect(found.models.count <= 1)
            }
            _ = try await store.install(.file(one), options: told).report()
            #expect(try await store.verify("story").report().damage.isEmpty)
        }
    }
}

import Foundation
import Testing

@testable import Wheelwork

/// What the system is told of an app's folders, by a file system that notes it.
@Suite struct AppFolderTests {
    private final class Noted: FolderSystem {
        let asked = Locked<[String]>([])
        let classes: Locked<[String: DataProtection]>
        let refused: [String: CocoaError.Code]

        init(_ classes: [String: DataProtection] = [:], refused: [String: CocoaError.Code] = [:]) {
            self.classes = Locked(classes)
            self.refused = refused
        }

        func make(_ folder: URL) throws { try note("make", folder) }

        func contents(_ folder: URL) throws -> [URL] {
            classes.with { $0.keys.sorted() }.filter { $0 != folder.lastPathComponent }
                .map { folder.appendingPathComponent($0) }
        }

        func protection(_ item: URL) throws -> DataProtection? { classes.with { $0[item.lastPathComponent] } }

        func protect(_ item: URL, _ protection: DataProtection) throws {
            try note("protect", item)
            classes.with { $0[item.lastPathComponent] = protection }
        }

        func setInBackups(_ folder: URL, _ isInBackups: Bool) throws {
            try note(isInBackups ? "in backups" : "out of backups", folder)
        }

        private func note(_ what: String, _ item: URL) throws {
            if let code = refused[item.lastPathComponent] { throw CocoaError(code) }
            asked.with { $0.append("\(what) \(item.lastPathComponent)") }
        }
    }

    private let folder = URL(fileURLWithPath: "/app/models", isDirectory: true)

    @Test func a_folder_is_protected_before_what_is_in_it_and_what_is_right_is_left_alone() throws {
        let system = Noted(["a": .none, "b": .complete, "c": .untilFirstUnlock])
        try AppFolder(folder).make(by: system)
        #expect(
            system.asked.with { $0 } == [
                "make models", "out of backups models", "protect models", "protect a", "protect b",
            ])
        #expect(system.classes.with { Set($0.values) } == [.untilFirstUnlock])
        try AppFolder(folder).make(by: system)
        #expect(system.asked.with { $0.suffix(2) } == ["make models", "out of backups models"])
    }

    @Test func an_app_may_want_another_class_and_backups() throws {
        let system = Noted(["a": .untilFirstUnlock])
        try AppFolder(folder, protection: .complete, isInBackups: true).make(by: system)
        #expect(system.asked.with { $0 } == ["make models", "in backups models", "protect models", "protect a"])
    }

    @Test func what_the_system_refuses_is_told_with_its_place() async throws {
        let locked = Noted(["a": .none], refused: ["a": .fileWriteNoPermission])
        let told = await failure(.folderAttributes) { try AppFolder(folder).make(by: locked) }
        #expect(told?.place == "/app/models/a" && told?.reason.contains("513") == true)
        // Another process has removed it meanwhile.
        try AppFolder(folder).make(by: Noted(["a": .none], refused: ["a": .fileNoSuchFile]))
        _ = await failure(.folderAttributes) {
            try AppFolder(folder).make(by: Noted(refused: ["models": .fileNoSuchFile]))
        }
    }

    @Test func the_systems_own_makes_a_folder_and_a_store_is_one() async throws {
        try await withFolder { home in
            let folder = AppFolder(home.appendingPathComponent("a/b"), protection: .complete)
            try await folder.make()
            try await folder.make()
            #expect(FileManager.default.fileExists(atPath: folder.url.path))
            let file = home.appendingPathComponent("file")
            try Data().write(to: file)
            _ = await failure(.folderAttributes) { try await AppFolder(file).make() }
            let store = try ModelStore(home.appendingPathComponent("models"), protection: .complete)
            _ = try await store.install(
                .file(packages.appendingPathComponent("1.wwpkg")), options: InstallOptions { $0.unsigned = .told }
            ).report()
            #expect(try await store.list().models.count == 1)
        }
    }
}

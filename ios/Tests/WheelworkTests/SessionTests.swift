import Foundation
import Testing

@testable import Wheelwork

/// Conversations that outlive their process.
@Suite struct SessionTests {
    @Test func rt_08_reasoning_goes_on_after_a_process_that_ended_itself() async throws {
        try await goesOn { file in
            let child = try Child("think", file.path, "halt")
            child.process.waitUntilExit()
            #expect(child.process.terminationStatus == 37)
        }
    }

    @Test func rt_08_reasoning_goes_on_after_a_process_that_was_killed() async throws {
        try await goesOn { file in
            let child = try Child("think", file.path, "wait")
            #expect(try child.line() == "thinking")
            child.kill()
        }
    }

    @Test func rt_09_a_paused_turn_goes_on_with_the_same_text() async throws {
        try await withFolder { folder in
            let (engine, chat) = (try await engine(), try await chat())
            let undisturbed = try await chat.ask(question, endless).all()
            try await chat.clear()
            let (file, key) = (folder.appendingPathComponent("session"), Data(repeating: 7, count: 32))
            try await chat.keep(in: file, key: key)
            var (deltas, begun) = (0, [Event]())
            for try await event in chat.ask(question, endless) {
                begun.append(event)
                if case .reasoningDelta = event { deltas += 1 }
                if deltas == 3 { chat.pause() }
            }
            #expect(begun.finished?.reason == .suspended)
            let copy = folder.appendingPathComponent("copy")
            try FileManager.default.copyItem(at: file, to: copy)
            let restored = try await engine.restore(copy, key: key)
            #expect(restored.hasUnfinishedTurn)
            #expect(try await restored.chat.resume().all().finished?.tokenIds == undisturbed.finished?.tokenIds)
            let resumed = try await chat.resume().all()
            #expect((resumed.started?.resumedTokens ?? 0) > 0)
            #expect(resumed.answer == undisturbed.answer)
        }
    }

    @Test func a_loop_that_is_left_after_a_pause_leaves_the_turn_paused() async throws {
        let chat = try await chat()
        let undisturbed = try await chat.ask(question, endless).all()
        try await chat.clear()
        for try await event in chat.ask(question, endless) {
            if case .reasoningDelta = event {
                chat.pause()
                break
            }
        }
        try await eventually { (try? await chat.messages()) != nil }
        #expect(try await chat.resume().all().finished?.tokenIds == undisturbed.finished?.tokenIds)
    }

    @Test func a_saved_conversation_opens_with_its_key_only() async throws {
        try await withFolder { folder in
            let (engine, chat) = (try await engine(), try await chat())
            _ = try await chat.ask(question, greedy).all()
            let (file, key) = (folder.appendingPathComponent("session"), Data(0..<32))
            try await chat.save(file, key: key)
            _ = await failure(.sessionKeyNeeded) { _ = try await engine.restore(file) }
            _ = await failure(.wrongSessionKey) { _ = try await engine.restore(file, key: Data(count: 32)) }
            _ = await failure(.sessionKeyLength) { _ = try await engine.restore(file, key: Data(count: 5)) }
            let restored = try await engine.restore(file, key: key)
            #expect(try await restored.chat.messages() == chat.messages())
        }
    }

    @Test func a_fork_and_its_origin_know_nothing_of_each_other() async throws {
        let chat = try await chat()
        _ = try await chat.ask(question, greedy).all()
        let fork = try await chat.fork()
        let asked = try await fork.ask("12 + 30 = ?", greedy).all()
        #expect((asked.started?.reusedTokens ?? 0) > 0)
        #expect(try await chat.messages().count == 2)
        #expect(try await fork.messages().count == 4)
        #expect(try await chat.ask("12 + 30 = ?", greedy).all().answer == asked.answer)
    }

    @Test func a_prefix_is_computed_once_for_all_conversations() async throws {
        let options = OpenOptions { $0.prefixCacheBytes = 64 << 20 }
        let engine = try await Engine.open(model, options: options)
        let first: [ChatMessage] = [.user("12 + 30 = ?"), .assistant("42")]
        let shared = try await engine.chat(first).sharePrefix()
        #expect(shared.tokens > 0 && shared.computedTokens == shared.tokens)
        let events = try await engine.chat(first).ask(question, greedy).all()
        #expect((events.started?.prefixTokens ?? 0) > 0)
        await engine.closeAndWait()
        _ = await failure(.prefixCacheOff) { _ = try await chat().sharePrefix() }
    }

    private func goesOn(_ after: (URL) throws -> Void) async throws {
        try await withFolder { folder in
            let (engine, chat) = (try await engine(), try await chat())
            let undisturbed = try await chat.ask(question, endless).all()
            let file = folder.appendingPathComponent("session")
            try after(file)
            let restored = try await engine.restore(file)
            #expect(restored.hasUnfinishedTurn)
            #expect(!restored.isKeptElsewhere, "the dead keep nothing")
            let events = try await restored.chat.resume().all()
            #expect((events.started?.resumedTokens ?? 0) > 0)
            #expect(events.finished?.tokenIds == undisturbed.finished?.tokenIds)
            #expect(events.answer == undisturbed.answer && events.reasoning == undisturbed.reasoning)
        }
    }
}

/// A process of `SessionChild`.
final class Child {
    let process = Process()
    private let output = Pipe()
    private var rest = Data()

    init(_ arguments: String...) throws {
        process.executableURL = URL(fileURLWithPath: variable("WHEELWORK_CHILD"))
        process.arguments = arguments
        process.standardOutput = output
        try process.run()
    }

    /// The next line that it says; nil at the end.
    func line() throws -> String? {
        while true {
            if let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
                defer { rest = Data(rest[rest.index(after: end)...]) }
                return String(decoding: rest[..<end], as: UTF8.self)
            }
            let more = output.fileHandleForReading.availableData
            if more.isEmpty { return nil }
            rest.append(more)
        }
    }

    /// Ends it as the system would: nothing in it is told.
    func kill() {
        Foundation.kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
    }
}

import Foundation
import Testing
import Wheelwork

@testable import ChatLogic

private func variable(_ name: String) -> String {
    ProcessInfo.processInfo.environment[name] ?? "no \(name): run `cargo xtask swift`"
}

@MainActor @Suite struct ChatLogicTests {
    private let package = URL(fileURLWithPath: variable("WHEELWORK_PACKAGES")).appendingPathComponent("1.wwpkg")

    private func withHome(_ body: (URL) async throws -> Void) async throws {
        let home = FileManager.default.temporaryDirectory.appendingPathComponent("ios-chat-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: home) }
        try await body(home)
    }

    private func setup(of model: ChatModel) throws -> ChatModel.Setup {
        guard case .setup(let setup) = model.stage else { throw Wrong.stage }
        return setup
    }

    private func conversation(of model: ChatModel) throws -> Conversation {
        guard case .talking(let conversation) = model.stage else { throw Wrong.stage }
        return conversation
    }

    private enum Wrong: Error { case stage }

    @Test func a_model_is_installed_opened_and_asked_and_the_next_start_goes_on() async throws {
        try await withHome { home in
            let key = Data(repeating: 7, count: 32)
            let model = ChatModel(home: home) { () throws(WheelworkError) in key }
            await model.setUp()
            #expect(try setup(of: model) == ChatModel.Setup())
            model.install(.file(package))
            model.install(.file(package))
            await model.installed()
            let ready = try setup(of: model)
            #expect(ready.problem == nil && ready.progress == nil && ready.plan?.fit == .fits)
            await model.open()
            let talking = try conversation(of: model)
            talking.ask("478 + 256 = ?", reasoningTokens: 200)
            talking.ask("too early")
            await talking.settled()
            #expect(talking.exchanges.map(\.question) == ["478 + 256 = ?"] && talking.problem == nil)
            #expect(talking.exchanges[0].turn.phase == .finished && !talking.isBusy && !talking.isPaused)
            let said = talking.exchanges[0].turn.answer
            await talking.leave()

            let next = ChatModel(home: home) { () throws(WheelworkError) in key }
            await next.setUp()
            await next.open()
            let restored = try conversation(of: next)
            #expect(restored.exchanges.map(\.question) == ["478 + 256 = ?"])
            #expect(restored.exchanges[0].turn.answer == said)
        }
    }

    @Test func a_turn_that_the_background_paused_goes_on_in_front() async throws {
        try await withHome { home in
            let model = ChatModel(home: home)
            model.install(.file(package))
            await model.installed()
            let (signals, sending) = AsyncStream<SystemSignal>.makeStream()
            await model.open(Scripted(stream: signals))
            let talking = try conversation(of: model)
            talking.ask("478 + 256 = ?")
            while talking.exchanges[0].turn.phase < .reasoning { await Task.yield() }
            sending.yield(.background)
            await talking.settled()
            // The model may have been faster.
            let paused = talking.isPaused
            sending.yield(.foreground)
            while talking.isPaused { try await Task.sleep(for: .milliseconds(5)) }
            await talking.settled()
            #expect(talking.exchanges[0].turn.finished?.reason == .stop, "paused: \(paused)")
        }
    }

    @Test func several_conversations_are_kept_and_one_is_held() async throws {
        try await withHome { home in
            let model = ChatModel(home: home)
            await model.hold(nil)
            model.install(.file(package))
            await model.installed()
            await model.open()
            let first = try conversation(of: model)
            first.ask("12 + 30 = ?")
            await first.settled()
            await model.hold(nil)
            let second = try conversation(of: model)
            #expect(second.id != first.id && second.exchanges.isEmpty)
            second.ask("478 + 256 = ?")
            // It is left in the middle, or was faster.
            await model.hold(first.id)
            let again = try conversation(of: model)
            #expect(again.id == first.id && again.exchanges.map(\.question) == ["12 + 30 = ?"])
            #expect(Set(model.saved.map(\.id)) == [first.id, second.id])
            await model.delete()
            let left = try conversation(of: model)
            #expect(left.id == second.id && model.saved.map(\.id) == [second.id])
            left.resume()
            await left.settled()
            #expect(left.exchanges.count == 1 && left.problem == nil)
            await model.delete()
            #expect(try conversation(of: model).exchanges.isEmpty)
        }
    }

    @Test func memory_that_runs_short_brings_the_first_screen_back() async throws {
        try await withHome { home in
            let model = ChatModel(home: home)
            model.install(.file(package))
            await model.installed()
            let (signals, sending) = AsyncStream<SystemSignal>.makeStream()
            await model.open(Scripted(stream: signals))
            sending.yield(.memoryWarning)
            while (try? setup(of: model)) == nil { try await Task.sleep(for: .milliseconds(5)) }
            await model.open()
            #expect(try conversation(of: model).exchanges.isEmpty)
        }
    }

    @Test func what_goes_wrong_is_told_with_what_to_do() async throws {
        try await withHome { home in
            let model = ChatModel(home: home)
            model.install(.file(home.appendingPathComponent("missing.wwpkg")))
            await model.installed()
            let failed = try setup(of: model)
            #expect(failed.problem?.isEmpty == false)
            await model.open()
            #expect(failed.plan == nil)
            let little = ChatModel(home: home, options: OpenOptions { $0.memory = .bytes(1 << 20) })
            little.install(.file(package))
            await little.installed()
            let large = try setup(of: little)
            #expect(large.plan?.fit == .tooLarge)
            await little.open()
            let refused = try setup(of: little)
            #expect(refused.problem?.contains("bytes") == true)
        }
    }

    private struct Scripted: SystemSignals {
        let stream: AsyncStream<SystemSignal>
        func signals() -> AsyncStream<SystemSignal> { stream }
    }
}

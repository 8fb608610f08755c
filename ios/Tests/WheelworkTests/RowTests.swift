import Foundation
import Testing
import WheelworkFFI

@testable import Wheelwork

/// Promises about bad input, by the names of the rows.
@Suite struct RowTests {
    @Test func bd_01_use_after_close_is_refused_and_closing_twice_is_fine() async throws {
        let engine = try await Wheelwork.Engine.open(model)
        let (chat, other) = (try await engine.chat(), try await engine.chat())
        chat.close()
        await chat.closeAndWait()
        _ = await failure(.closed) { _ = try await chat.messages() }
        _ = await failure(.closed) { _ = try await chat.ask(question).all() }
        engine.close()
        await engine.closeAndWait()
        _ = await failure(.closed) { _ = try await engine.chat() }
        _ = await failure(.closed) { _ = try await engine.placement }
        _ = await failure(.closed) { _ = try await other.ask(question).all() }
        _ = await failure(.closed) { _ = try await other.fork() }
        chat.cancel()
        other.pause()
        other.close()
    }

    @Test func bd_01_closing_during_a_turn_cancels_it_first() async throws {
        let engine = try await Wheelwork.Engine.open(model)
        let probe = try Probe()
        let ways: [@Sendable (Chat) -> Void] = [{ $0.close() }, { _ in engine.close() }]
        for close in ways {
            let chat = try await probe.chat(on: engine)
            var events: [Wheelwork.Event] = []
            for try await event in chat.ask(question, endless) {
                if case .started = event { close(chat) }
                events.append(event)
            }
            #expect(events.finished?.reason == .cancelled)
            let computed = probe.decodedTokens()
            try await Task.sleep(for: .milliseconds(100))
            #expect(probe.decodedTokens() == computed)
        }
    }

    @Test func bd_02_what_is_never_closed_loses_nothing_that_was_saved() async throws {
        try await withFolder { folder in
            let file = folder.appendingPathComponent("session")
            weak var forgotten: Chat?
            do {
                let chat = try await chat()
                try await chat.keep(in: file)
                _ = try await chat.ask(question, greedy).all()
                forgotten = chat
            }
            try await eventually { forgotten == nil }
            let restored = try await engine().restore(file)
            #expect(try await restored.chat.messages().count == 2)
            #expect(restored.cachedTokens > 0)
        }
    }

    @Test func bd_03_a_panic_in_a_token_is_caught_and_the_conversation_says_so() async throws {
        let chat = try await Probe().chat(on: try await engine(), panicAt: 5)
        let panic = await failure(.panicked) { _ = try await chat.ask(question, greedy).all() }
        #expect(panic?.kind == .bug)
        _ = await failure(.sessionLost) { _ = try await chat.ask(question, greedy).all() }
        // The engine and its other conversations go on.
        #expect(try await another().ask(question, greedy).all().answer.contains("734"))
    }

    @Test func bd_03_a_panic_in_a_call_is_caught_and_tells_no_text() async throws {
        let chat = try await chat()
        let panic = await failure(.panicked) {
            try translated { try Probe().panicIn(chat: try chat.open()) }
        }
        #expect(panic.map { "\($0)".contains("on demand") } == false)
        _ = await failure(.sessionLost) { _ = try await chat.messages() }
    }

    @Test func bd_01_a_turn_that_is_dropped_in_the_middle_goes_away() async throws {
        let (engine, probe) = (try await engine(), try Probe())
        for _ in 0..<20 {
            var turn = try await probe.chat(on: engine).ask(question, endless).makeAsyncIterator()
            for _ in 0..<3 { _ = try await turn.next() }
        }
        let computed = Locked(probe.decodedTokens())
        try await eventually {
            let now = probe.decodedTokens()
            try await Task.sleep(for: .milliseconds(50))
            return computed.with { before in
                defer { before = now }
                return before == now
            }
        }
        #expect(try await engine.chat().ask(question, greedy).all().answer.contains("734"))
    }

    @Test func bd_04_what_a_source_or_a_tool_throws_ends_its_own_call_only() async throws {
        struct Own: Error {}
        let schema = "{\"type\": \"object\", \"properties\": {}, \"additionalProperties\": false}"
        let failing = Toolbox().with("count", "Counts.", parameters: schema) { _ in throw Own() }
        let chat = try await chat()
        await #expect(throws: Own.self) {
            _ = try await chat.ask(
                question, using: failing,
                Wheelwork.Options {
                    $0.sampling = .greedy
                    $0.think = .off
                    $0.mustCallTool = true
                    $0.maxTokens = 400
                })
        }
        try await chat.clear()
        #expect(try await chat.ask(question, greedy).all().answer.contains("734"))
        try await withFolder { folder in
            let source = Wheelwork.PackageSource.ranges { _ in AsyncThrowingStream { $0.finish(throwing: Own()) } }
            let store = try ModelStore(folder)
            _ = await failure(.pipeAbandoned) { _ = try await store.install(source).report() }
            #expect(try await store.list().models.isEmpty)
        }
    }

    @Test func bd_05_a_text_of_100_mb_comes_back_as_it_was() async throws {
        let chat = try await chat()
        let text = String(repeating: "0123456789 äöü 🦀 ", count: 5_000_000)
        #expect(text.utf8.count > 100_000_000)
        try await chat.push(.user(text))
        let back = try await chat.messages().first?.text
        #expect(back?.utf8.count == text.utf8.count)
        #expect(back.map { $0.utf8.elementsEqual(text.utf8) } == true)
    }

    @Test func bd_05_nul_emoji_and_combining_marks_arrive_byte_for_byte() async throws {
        let chat = try await chat()
        let texts = [
            "a\u{0}b 🤔👩‍👩‍👧‍👦 é \u{FFFD} ｜ ▁", "e\u{301}", "\u{301}alone", "\u{1F3F4}\u{E0067}", "\r\n\u{85}\u{2028}", " ",
        ]
        for text in texts { try await chat.push(.user(text)) }
        let back = try await chat.messages().map(\.text)
        // `==` of Swift takes two spellings of one character for the same.
        #expect(back.map { Array($0.utf8) } == texts.map { Array($0.utf8) })
        let megabyte = String(repeating: "0123456789abcde\u{0}", count: 1 << 16)
        try await chat.push(.user(megabyte))
        #expect(try await chat.messages().last?.text.utf8.count == 1 << 20)
        try await chat.clear()
        let events = try await chat.ask(
            "\u{0} 🤔 \(question)",
            Wheelwork.Options {
                $0.sampling = .greedy
                $0.maxTokens = 4
            }
        ).all()
        #expect(events.finished?.reason == .length)
    }

    @Test func bd_06_64_conversations_at_once_all_get_their_answer() async throws {
        let engine = try await engine()
        let options = Wheelwork.Options {
            $0.sampling = .greedy
            $0.maxTokens = 12
        }
        let answers = try await withThrowingTaskGroup(of: [Int].self) { group in
            for _ in 0..<64 {
                group.addTask { try await engine.chat().ask(question, options).all().finished?.tokenIds ?? [] }
            }
            return try await group.reduce(into: [[Int]]()) { $0.append($1) }
        }
        #expect(answers.count == 64 && Set(answers).count == 1)
        #expect(answers.first?.count == 12)
    }

    @Test func bd_06_of_64_turns_on_one_conversation_one_runs_and_the_others_are_told() async throws {
        let chat = try await chat()
        let outcomes = await withTaskGroup(of: WheelworkError.Code?.self) { group in
            for _ in 0..<64 {
                group.addTask {
                    do {
                        _ = try await chat.ask(question, endless).all()
                        return nil
                    } catch {
                        return (error as? WheelworkError)?.code ?? .panicked
                    }
                }
            }
            return await group.reduce(into: []) { $0.append($1) }
        }
        #expect(outcomes.contains(nil))
        let refused = outcomes.compactMap { $0 }
        #expect(!refused.isEmpty && refused.allSatisfy { $0 == .busy }, "\(Set(refused))")
    }

    @Test func bd_07_a_panic_in_any_call_without_a_result_ends_nothing_but_the_call() async throws {
        let (engine, chat) = (try await engine(), try await chat())
        let package = packages.appendingPathComponent("1.wwpkg")
        let content = try Data(contentsOf: package)
        let pushed = Wheelwork.PackageSource.ranges { position in
            AsyncThrowingStream { continuation in
                continuation.yield(content.dropFirst(position))
                continuation.finish()
            }
        }
        let broken = Wheelwork.PackageSource.ranges { _ in AsyncThrowingStream { $0.finish(throwing: CancellationError()) } }
        func installing(
            _ source: Wheelwork.PackageSource, _ body: (Steps<Wheelwork.InstallEvent>) async throws -> Void
        ) async throws {
            try await withFolder { folder in
                let options = Wheelwork.InstallOptions { $0.unsigned = .told }
                try await body(try ModelStore(folder).install(source, options: options))
            }
        }
        let calls: [(String, () async throws -> Void)] = [
            ("ChatHandle.cancel", { chat.cancel() }),
            ("ChatHandle.suspend", { chat.pause() }),
            ("ChatHandle.answer_now", { chat.answerNow() }),
            ("ChatHandle.save_now", { #expect(await chat.saveNow() == false) }),
            ("ChatHandle.shut_down", { await (try await engine.chat()).closeAndWait() }),
            ("TurnHandle.leave", { _ = try await engine.chat().ask(question, greedy).all() }),
            ("TurnHandle.stop_gathering", { _ = try await engine.chat().ask(question, endless).all() }),
            ("EngineHandle.shut_down", { await (try await Wheelwork.Engine.open(model)).closeAndWait() }),
            ("EngineHandle.free", { _ = try await Wheelwork.Engine.open(model) }),
            ("ChatHandle.free", { _ = try await engine.chat() }),
            ("TurnHandle.free", { _ = try await engine.chat().ask(question, greedy).all() }),
            ("devices", { _ = WheelworkFFI.devices() }),
            (
                "OpenHandle.cancel",
                {
                    let opening = Task { try await Wheelwork.Engine.open(model) }
                    opening.cancel()
                    await (try? opening.value)?.closeAndWait()
                }
            ),
            (
                "SharePrefixHandle.cancel",
                {
                    let options = Wheelwork.OpenOptions { $0.prefixCacheBytes = 1 << 20 }
                    let engine = try await Wheelwork.Engine.open(model, options: options)
                    let chat = try await engine.chat([.user(question)])
                    let sharing = Task { try await chat.sharePrefix() }
                    sharing.cancel()
                    _ = try? await sharing.value
                    await engine.closeAndWait()
                }
            ),
            ("InstallHandle.cancel", { try await installing(.file(package)) { for try await _ in $0 { break } } }),
            ("InstallHandle.free", { try await installing(.file(package)) { _ = try await $0.report() } }),
            ("PackagePipe.finish", { try await installing(pushed) { _ = try? await $0.report() } }),
            ("PackagePipe.free", { try await installing(pushed) { _ = try await $0.report() } }),
            ("PackagePipe.abandon", { try await installing(broken) { _ = try? await $0.report() } }),
        ]
        for (name, call) in calls {
            try panicInExport(name: name)
            try await call()
            try await eventually { try hasPanicked() }
            #expect(try hasPanicked(), "\(name)")
        }
        #expect(try await chat.ask(question, greedy).all().answer.contains("734"))
    }

    @Test func rt_09_an_app_that_is_told_to_be_small_closes_saves_and_goes_on() async throws {
        try await withFolder { folder in
            let engine = try await Wheelwork.Engine.open(model)
            let undisturbed = try await engine.chat().ask(question, endless).all()
            let (chat, file) = (try await engine.chat(), folder.appendingPathComponent("session"))
            try await chat.keep(in: file)
            var deltas = 0
            for try await event in chat.ask(question, endless) {
                if case .reasoningDelta = event { deltas += 1 }
                if deltas == 4 { chat.pause() }
            }
            await engine.closeAndWait()
            let again = try await Wheelwork.Engine.open(model)
            let restored = try await again.restore(file)
            #expect(restored.hasUnfinishedTurn)
            let events = try await restored.chat.resume().all()
            #expect(events.finished?.tokenIds == undisturbed.finished?.tokenIds)
            await again.closeAndWait()
        }
    }

    @Test func rt_09_memory_is_flat_over_many_turns() async throws {
        func own() throws -> Int {
            let status = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
            let line = status.split(separator: "\n").first { $0.hasPrefix("RssAnon:") }
            return line?.split(separator: " ").compactMap { Int($0) }.first ?? 0
        }
        let (engine, options) = (
            try await engine(),
            Wheelwork.Options {
                $0.sampling = .greedy
                $0.maxTokens = 8
            }
        )
        func ask(_ times: Int) async throws {
            for _ in 0..<times {
                let chat = try await engine.chat()
                _ = try await chat.ask(question, options).answer()
                await chat.closeAndWait()
            }
        }
        try await ask(30)
        let before = try own()
        try await ask(100)
        #expect(try own() - before < 16 << 10, "KiB after 100 more turns")
    }

    @Test func rt_10_a_turn_that_is_cancelled_at_any_moment_ends_and_the_next_one_is_whole() async throws {
        let chat = try await chat()
        var random = SystemRandomNumberGenerator()
        let whole = try await another().ask(question, greedy).all().answer
        for number in 0..<20 {
            var left = Int.random(in: 1..<40, using: &random)
            var events: [Wheelwork.Event] = []
            for try await event in chat.ask(question, endless) {
                events.append(event)
                left -= 1
                if left == 0 {
                    DispatchQueue.global().async { number % 2 == 0 ? chat.cancel() : chat.pause() }
                }
            }
            let ends: [Wheelwork.FinishReason] = [.cancelled, .suspended, .stop]
            #expect(events.finished.map { ends.contains($0.reason) } == true)
            try await chat.clear()
        }
        for _ in 0..<20 {
            let turn = Task { _ = try? await chat.ask(question, endless).all() }
            try await Task.sleep(for: .milliseconds(Int.random(in: 0..<20, using: &random)))
            turn.cancel()
            await turn.value
            try await eventually { (try? await chat.clear()) != nil }
        }
        #expect(try await chat.ask(question, greedy).all().answer == whole)
    }

    @Test func rt_11_a_loop_that_throws_or_calls_back_ends_only_its_own_turn() async throws {
        struct Own: Error {}
        let (engine, chat) = (try await engine(), try await chat())
        await #expect(throws: Own.self) {
            for try await event in chat.ask(question, endless) {
                if case .reasoningDelta = event { throw Own() }
            }
        }
        try await eventually { (try? await chat.messages()) != nil }
        var deltas = 0
        for try await event in chat.ask(question, endless) {
            if case .reasoningDelta = event { deltas += 1 }
            if (1...3).contains(deltas) {
                _ = await failure(.busy) { _ = try await chat.messages() }
                _ = await failure(.busy) { _ = try await chat.ask("x").all() }
            }
        }
        #expect(deltas > 3)
        #expect(try await engine.chat().ask(question, greedy).all().answer.contains("734"))
    }

    @Test func rt_12_engines_that_come_and_go_are_told_apart() async throws {
        let answers = try await withThrowingTaskGroup(of: String.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    let engine = try await Wheelwork.Engine.open(model)
                    let text = try await engine.chat().respond(to: question, greedy).text
                    await engine.closeAndWait()
                    return text
                }
            }
            return try await group.reduce(into: [String]()) { $0.append($1) }
        }
        #expect(answers.count == 8 && Set(answers).count == 1)
    }

    @Test func rt_17_characters_of_several_tokens_arrive_whole() async throws {
        let chat = try await chat()
        func crabs(_ most: Int?) -> Wheelwork.Options {
            Wheelwork.Options {
                $0.sampling = .greedy
                $0.think = .off
                $0.output = .regex("(🦀é){6}")
                $0.maxTokens = most
            }
        }
        let events = try await chat.ask(question, crabs(nil)).all()
        #expect(events.answer == String(repeating: "🦀é", count: 6))
        #expect((events.finished?.tokenIds.count ?? 0) > 12, "a character takes several tokens")
        for most in 1...8 {
            try await chat.clear()
            let cut = try await chat.ask(question, crabs(most)).all().answer
            #expect(cut.allSatisfy { "🦀é\u{FFFD}".contains($0) }, "\(cut)")
        }
    }
}

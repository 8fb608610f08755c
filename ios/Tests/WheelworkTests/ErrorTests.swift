import Foundation
import Testing
import WheelworkFFI

@testable import Wheelwork

/// What fails arrives typed.
@Suite struct ErrorTests {
    @Test func a_prompt_beyond_the_context_is_refused_with_both_numbers() async throws {
        let (engine, chat) = (try await engine(), try await chat())
        let length = try await engine.contextLength
        let text = String(repeating: "\(question) ", count: length)
        let refused = await failure(.promptTooLong) { _ = try await chat.ask(text, greedy).all() }
        #expect(refused?.kind == .retry && refused?.reason.contains("\(length)") == true)
        #expect(try await chat.messages().isEmpty)
    }

    @Test func a_damaged_package_is_to_be_installed_again() async throws {
        try await withFolder { folder in
            let copy = folder.appendingPathComponent("damaged")
            try FileManager.default.copyItem(at: model, to: copy)
            let files = FileManager.default.enumerator(at: copy, includingPropertiesForKeys: nil)
            while let file = files?.nextObject() as? URL {
                if file.pathExtension == "onnx" { try Data(contentsOf: file).prefix(100).write(to: file) }
            }
            let error = await failure { _ = try await Wheelwork.Engine.open(copy) }
            #expect(error?.kind == .reinstall)
        }
    }

    @Test func a_device_that_is_not_there_is_refused() async throws {
        let options = Wheelwork.OpenOptions {
            $0.device = .gpu
            $0.strict = true
        }
        let error = await failure(.noUsableDevice) { _ = try await Wheelwork.Engine.open(model, options: options) }
        #expect(error?.kind == .unsupported)
    }

    @Test func numbers_that_mean_nothing_are_refused_by_name() async throws {
        let chat = try await chat()
        for (name, options) in [
            ("maxTokens", Wheelwork.Options { $0.maxTokens = -1 }), ("topK", Wheelwork.Options { $0.sampling.topK = -1 }),
            ("answerReserve", Wheelwork.Options { $0.answerReserve = -1 }),
            ("think.tokens", Wheelwork.Options { $0.think = .budget(tokens: -1) }),
        ] {
            let error = await failure(.outOfRange) { _ = try await chat.ask(question, options).all() }
            #expect(error?.place == name)
        }
        _ = await failure(.samplingOutOfRange) {
            _ = try await chat.ask(question, Wheelwork.Options { $0.sampling.temperature = -1 }).all()
        }
        for options in [Wheelwork.OpenOptions { $0.threads = -1 }, Wheelwork.OpenOptions { $0.waitingEvents = 0 }] {
            _ = await failure(.outOfRange) { _ = try await Wheelwork.Engine.open(model, options: options) }
        }
        #expect(try await chat.messages().isEmpty)
    }

    @Test func wrong_paths_are_told_with_what_to_do() async throws {
        try await withFolder { folder in
            let text = folder.appendingPathComponent("text")
            try Data("no model".utf8).write(to: text)
            for path in [folder, text, folder.appendingPathComponent("missing"), URL(fileURLWithPath: "a\u{0}b")] {
                _ = await failure { _ = try await Wheelwork.Engine.open(path) }
                _ = await failure { _ = try await Wheelwork.Engine.memoryPlan(path) }
                _ = await failure { _ = try await engine().restore(path) }
            }
        }
    }

    @Test func a_plan_of_memory_says_whether_a_model_fits() async throws {
        let plan = try await Wheelwork.Engine.memoryPlan(model)
        #expect(plan.needBytes > 0 && plan.fit == .fits)
        let little = Wheelwork.OpenOptions { $0.memory = .bytes(1 << 20) }
        #expect(try await Wheelwork.Engine.memoryPlan(model, options: little).fit == .tooLarge)
        _ = await failure(.notEnoughMemory) { _ = try await Wheelwork.Engine.open(model, options: little) }
        #expect(try await engine().memoryPlan(contextTokens: 64).kvBytes > 0)
    }
}

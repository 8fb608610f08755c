import Foundation
import Testing
import WheelworkFFI

@testable import Wheelwork

func variable(_ name: String) -> String {
    ProcessInfo.processInfo.environment[name] ?? "no \(name): run `cargo xtask swift`"
}

/// The shipped model, quantised by the command.
let model = URL(fileURLWithPath: variable("WHEELWORK_MODEL"), isDirectory: true)
let packages = URL(fileURLWithPath: variable("WHEELWORK_PACKAGES"), isDirectory: true)

let question = "478 + 256 = ?"

/// Greedy, so that the same question always gets the same text.
let greedy = Wheelwork.Options { $0.sampling = .greedy }

/// Goes on for hundreds of tokens whatever the model wants: many more than the engine computes ahead of a reader.
let endless = Wheelwork.Options {
    $0.sampling = .greedy
    $0.onLoop = .ignore
    $0.output = .regex("(734){100}")
}

/// One for all tests that close none: opening takes longer than most of them.
let shared = Task { try await Engine.open(model) }

func engine() async throws -> Engine { try await shared.value }

func chat() async throws -> Chat { try await engine().chat() }

/// Where `chat` is the name of a conversation.
func another() async throws -> Chat { try await chat() }

extension Turn {
    func all() async throws(WheelworkError) -> [Wheelwork.Event] {
        var events: [Wheelwork.Event] = []
        var iterator = makeAsyncIterator()
        while let event = try await iterator.next() { events.append(event) }
        return events
    }
}

extension [Wheelwork.Event] {
    var answer: String { reduce(into: "") { if case .answerDelta(let text) = $1 { $0 += text } } }
    var reasoning: String { reduce(into: "") { if case .reasoningDelta(let text) = $1 { $0 += text } } }
    var finished: Wheelwork.Event.Finished? {
        if case .finished(let finished)? = last { finished } else { nil }
    }
    var started: Wheelwork.Event.Started? {
        if case .started(let started)? = first { started } else { nil }
    }
}

/// A conversation whose tokens are counted, and which panics at a token where that is wanted.
extension Probe {
    func chat(on engine: Engine, panicAt: UInt32? = nil) async throws -> Chat {
        await engine.adopt(try chat(engine: try await engine.open(), panicAt: panicAt))
    }
}

/// The error that a call must end with.
func failure(_ code: WheelworkError.Code? = nil, _ call: () async throws -> Void) async -> WheelworkError? {
    do {
        try await call()
        Issue.record("nothing failed, expected \(code?.rawValue ?? "an error")")
    } catch let error as WheelworkError {
        if let code { #expect(error.code == code, "\(error)") }
        #expect(!error.remedy.isEmpty && !error.remedyKind.isEmpty && !error.reason.isEmpty)
        return error
    } catch {
        Issue.record("\(error) is no WheelworkError")
    }
    return nil
}

/// A folder for one test.
func withFolder(_ body: (URL) async throws -> Void) async throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("wheelwork-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    try await body(folder)
}

/// Waits until something holds, for longer than it can take.
func eventually(_ holds: () async throws -> Bool) async throws {
    for _ in 0..<500 {
        if try await holds() { return }
        try await Task.sleep(for: .milliseconds(10))
    }
    Issue.record("it does not hold after 5 seconds")
}

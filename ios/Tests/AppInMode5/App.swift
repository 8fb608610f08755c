// An app in Swift 5's language mode: what it calls has to compile there, too.
import Foundation
import Wheelwork

public func ask(_ folder: URL) async throws -> String {
    let engine = try await Engine.open(folder) { print($0) }
    defer { engine.close() }
    let chat = try await engine.chat()
    var answer = ""
    for try await event in chat.ask("1 + 1 = ?", Options { $0.think = .budget(tokens: 100) }) {
        if case .answerDelta(let text) = event { answer += text }
    }
    return answer
}

@available(iOS 17, macOS 14, visionOS 1, *)
@MainActor public func show(_ chat: Chat, in turn: TurnModel) async {
    await turn.run(chat.ask("1 + 1 = ?"))
}

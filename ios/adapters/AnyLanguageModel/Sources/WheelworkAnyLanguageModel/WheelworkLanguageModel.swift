import AnyLanguageModel
import Foundation
import FoundationModelsMapping
import Wheelwork

/// A package of Wheelwork's as the model of AnyLanguageModel's `LanguageModelSession`, for systems before 27.
///
/// Text, schemas, temperature, greedy picking, limits and tools arrive. Other ways of picking do not, because that package keeps
/// them to itself. The model runs the session's tools, as its delegate decides, and goes on until it answers without a call. Of a
/// streamed response the calls are not in the session's transcript.
public struct WheelworkLanguageModel: LanguageModel {
    public typealias UnavailableReason = Never

    /// In how many turns of one prompt tools are offered; then an answer has to come without.
    private static let rounds = 8

    private let held: HeldConversation

    public init(_ engine: Engine) {
        held = HeldConversation(engine)
    }

    public func respond<Content>(
        within session: LanguageModelSession, to prompt: Prompt, generating type: Content.Type,
        includeSchemaInPrompt: Bool, options: GenerationOptions
    ) async throws -> LanguageModelSession.Response<Content> where Content: Generable {
        let (text, entries) = try await answer(session, prompt, type, options)
        let raw = try Self.raw(text, type)
        return LanguageModelSession.Response(
            content: try type.init(raw), rawContent: raw, transcriptEntries: entries[...])
    }

    public func streamResponse<Content>(
        within session: LanguageModelSession, to prompt: Prompt, generating type: Content.Type,
        includeSchemaInPrompt: Bool, options: GenerationOptions
    ) -> sending LanguageModelSession.ResponseStream<Content> where Content: Generable {
        let stream = AsyncThrowingStream<LanguageModelSession.ResponseStream<Content>.Snapshot, any Error> { continuation in
            let reading = Task {
                do {
                    _ = try await answer(session, prompt, type, options) { text in
                        // Half an object is no value yet.
                        guard let raw = try? Self.raw(text, type), let content = try? type.init(raw) else { return }
                        continuation.yield(.init(content: content.asPartiallyGenerated(), rawContent: raw))
                    }
                    continuation.finish()
                } catch {
                    continuation.finish(throwing: error)
                }
            }
            continuation.onTermination = { _ in reading.cancel() }
        }
        return LanguageModelSession.ResponseStream(stream: stream)
    }

    /// The answer, and what the session is to know of calls before it. `onText` is told the text of a turn so far.
    private func answer<Content: Generable>(
        _ session: LanguageModelSession, _ prompt: Prompt, _ type: Content.Type, _ options: GenerationOptions,
        onText: (String) -> Void = { _ in }
    ) async throws -> (text: String, entries: [Transcript.Entry]) {
        var parts = try session.transcript.map { try TranscriptPart($0) }
        // Where the session has not written down yet what is asked.
        if case .prompt? = parts.last {} else { parts.append(.prompt(prompt.description)) }
        let (request, tools) = (try ModelRequest(options, type), try session.tools.map { try FunctionTool($0) })
        var entries: [Transcript.Entry] = []
        var round = 0
        while true {
            let options = try Options(request, tools: round < Self.rounds ? tools : [])
            var (text, asked) = ("", [Event.ToolRequest]())
            for try await event in try await held.turn(for: parts.messages, options) {
                switch event {
                case .answerDelta(let more):
                    text += more
                    onText(text)
                case .toolCall(let call): asked.append(call)
                default: break
                }
            }
            try Task.checkCancellation()
            if asked.isEmpty { return (text, entries) }
            let calls = try asked.map { call in
                Transcript.ToolCall(
                    id: UUID().uuidString, toolName: call.name, arguments: try GeneratedContent(json: call.arguments))
            }
            let new = try await session.entries(of: calls)
            entries += new
            // Its delegate has stopped it.
            if new.count == 1 { return (text, entries) }
            if !text.isEmpty { parts.append(.response(text)) }
            // In the model's own words, so that what is computed of them is used again.
            parts.append(
                .toolCalls(zip(calls, asked).map { .init(id: $0.id, name: $0.toolName, arguments: $1.arguments) }))
            parts += try new.dropFirst().map { try TranscriptPart($0) }
            round += 1
        }
    }

    private static func raw<Content: Generable>(_ text: String, _ type: Content.Type) throws -> GeneratedContent {
        type == String.self ? GeneratedContent(text) : try GeneratedContent(json: text)
    }
}

extension LanguageModelSession {
    /// The calls with what came of each; the calls alone where the delegate wants no more than to know of them.
    fileprivate func entries(of calls: [Transcript.ToolCall]) async throws -> [Transcript.Entry] {
        var entries: [Transcript.Entry] = [.toolCalls(Transcript.ToolCalls(calls))]
        await toolExecutionDelegate?.didGenerateToolCalls(calls, in: self)
        var decisions: [ToolExecutionDecision] = []
        for call in calls {
            let decision = await toolExecutionDelegate?.toolCallDecision(for: call, in: self) ?? .execute
            if case .stop = decision { return entries }
            decisions.append(decision)
        }
        for (call, decision) in zip(calls, decisions) {
            let segments =
                if case .provideOutput(let segments) = decision { segments } else { try await run(call) }
            let output = Transcript.ToolOutput(id: call.id, toolName: call.toolName, segments: segments)
            await toolExecutionDelegate?.didExecuteToolCall(call, output: output, in: self)
            entries.append(.toolOutput(output))
        }
        return entries
    }

    private func run(_ call: Transcript.ToolCall) async throws -> [Transcript.Segment] {
        guard let tool = tools.first(where: { $0.name == call.toolName }) else {
            return [.text(.init(content: "There is no tool `\(call.toolName)`."))]
        }
        do {
            return [.text(.init(content: try await output(of: tool, call.arguments)))]
        } catch {
            await toolExecutionDelegate?.didFailToolCall(call, error: error, in: self)
            throw ToolCallError(tool: tool, underlyingError: error)
        }
    }

    private func output<T: Tool>(of tool: T, _ arguments: GeneratedContent) async throws -> String {
        try await tool.call(arguments: T.Arguments(arguments)).promptRepresentation.description
    }
}

extension ModelRequest {
    fileprivate init<Content: Generable>(_ options: GenerationOptions, _ type: Content.Type) throws {
        self.init()
        temperature = options.temperature
        maximumResponseTokens = options.maximumResponseTokens
        if options.sampling == .greedy { picking = .greedy }
        if type != String.self { schema = try json(type.generationSchema) }
    }
}

extension FunctionTool {
    fileprivate init(_ tool: any Tool) throws {
        self.init(name: tool.name, description: tool.description, parameters: try json(tool.parameters))
    }
}

private func json(_ schema: GenerationSchema) throws -> String {
    String(decoding: try JSONEncoder().encode(schema), as: UTF8.self)
}

/// What a session asks for and this model cannot do.
public enum WheelworkLanguageModelError: Error, Sendable {
    /// An image.
    case noText
    /// An entry of a kind that came after this release.
    case unknownEntry
}

extension TranscriptPart {
    fileprivate init(_ entry: Transcript.Entry) throws {
        switch entry {
        case .instructions(let instructions): self = .instructions(try text(instructions.segments))
        case .prompt(let prompt): self = .prompt(try text(prompt.segments))
        case .response(let response): self = .response(try text(response.segments))
        case .toolCalls(let calls):
            self = .toolCalls(calls.map { Call(id: $0.id, name: $0.toolName, arguments: $0.arguments.jsonString) })
        case .toolOutput(let output):
            self = .toolOutput(id: output.id, name: output.toolName, text: try text(output.segments))
        @unknown default: throw WheelworkLanguageModelError.unknownEntry
        }
    }
}

private func text(_ segments: [Transcript.Segment]) throws -> String {
    try segments.map { segment in
        switch segment {
        case .text(let text): return text.content
        case .structure(let structure): return structure.content.jsonString
        default: throw WheelworkLanguageModelError.noText
        }
    }.joined()
}

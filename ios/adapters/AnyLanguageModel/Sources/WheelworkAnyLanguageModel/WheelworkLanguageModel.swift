import AnyLanguageModel
import Foundation
import FoundationModelsMapping
import Wheelwork

/// A package of Wheelwork's as the model of AnyLanguageModel's `LanguageModelSession`, for systems before 27.
///
/// Text, schemas, temperature, greedy picking and limits arrive. Other ways of picking do not, because that package keeps them to
/// itself, and tools do not, because there a model has to run them: a session with tools is refused.
public struct WheelworkLanguageModel: LanguageModel {
    public typealias UnavailableReason = Never

    private let held: HeldConversation

    public init(_ engine: Engine) {
        held = HeldConversation(engine)
    }

    public func respond<Content>(
        within session: LanguageModelSession, to prompt: Prompt, generating type: Content.Type,
        includeSchemaInPrompt: Bool, options: GenerationOptions
    ) async throws -> LanguageModelSession.Response<Content> where Content: Generable {
        let text = try await turn(session, prompt, type, options).answer().text
        let raw = try Self.raw(text, type)
        return LanguageModelSession.Response(content: try type.init(raw), rawContent: raw, transcriptEntries: [])
    }

    public func streamResponse<Content>(
        within session: LanguageModelSession, to prompt: Prompt, generating type: Content.Type,
        includeSchemaInPrompt: Bool, options: GenerationOptions
    ) -> sending LanguageModelSession.ResponseStream<Content> where Content: Generable {
        let stream = AsyncThrowingStream<LanguageModelSession.ResponseStream<Content>.Snapshot, any Error> { continuation in
            let reading = Task {
                do {
                    var text = ""
                    for try await event in try await turn(session, prompt, type, options) {
                        guard case .answerDelta(let more) = event else { continue }
                        text += more
                        // Half an object is no value yet.
                        guard let raw = try? Self.raw(text, type), let content = try? type.init(raw) else { continue }
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

    private func turn<Content: Generable>(
        _ session: LanguageModelSession, _ prompt: Prompt, _ type: Content.Type, _ options: GenerationOptions
    ) async throws -> Turn {
        guard session.tools.isEmpty else { throw WheelworkLanguageModelError.tools }
        var parts = try session.transcript.map { try TranscriptPart($0) }
        // Where the session has not written down yet what is asked.
        if case .prompt? = parts.last {} else { parts.append(.prompt(prompt.description)) }
        var request = ModelRequest()
        request.temperature = options.temperature
        request.maximumResponseTokens = options.maximumResponseTokens
        if options.sampling == .greedy { request.picking = .greedy }
        if type != String.self {
            request.schema = String(decoding: try JSONEncoder().encode(type.generationSchema), as: UTF8.self)
        }
        return try await held.turn(for: parts.messages, try Options(request))
    }

    private static func raw<Content: Generable>(_ text: String, _ type: Content.Type) throws -> GeneratedContent {
        type == String.self ? GeneratedContent(text) : try GeneratedContent(json: text)
    }
}

/// What a session asks for and this model cannot do.
public enum WheelworkLanguageModelError: Error, Sendable {
    /// Tools.
    case tools
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
        default: throw WheelworkLanguageModelError.unknownEntry
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

// What the documentation of AnyLanguageModel says of the names that the adapter uses, to type-check it without a network.
// Written for that alone; nothing here computes anything, and nothing links it into an app.
import Foundation

public protocol LanguageModel: Sendable {
    associatedtype UnavailableReason
    var availability: Availability<UnavailableReason> { get }
    func respond<Content>(
        within session: LanguageModelSession, to prompt: Prompt, generating type: Content.Type,
        includeSchemaInPrompt: Bool, options: GenerationOptions
    ) async throws -> LanguageModelSession.Response<Content> where Content: Generable
    func streamResponse<Content>(
        within session: LanguageModelSession, to prompt: Prompt, generating type: Content.Type,
        includeSchemaInPrompt: Bool, options: GenerationOptions
    ) -> sending LanguageModelSession.ResponseStream<Content> where Content: Generable
}

public enum Availability<Reason> {
    case available
    case unavailable(Reason)
}

extension LanguageModel where UnavailableReason == Never {
    public var availability: Availability<UnavailableReason> { .available }
}

public struct Prompt: Sendable, CustomStringConvertible {
    public var description: String { "" }
}

public struct GenerationSchema: Sendable, Codable {}

public struct GeneratedContent: Sendable {
    public init(_ text: String) {}
    public init(json: String) throws {}
    public var jsonString: String { "" }
}

public protocol Generable: Sendable {
    associatedtype PartiallyGenerated: Sendable = Self
    static var generationSchema: GenerationSchema { get }
    init(_ content: GeneratedContent) throws
    func asPartiallyGenerated() -> PartiallyGenerated
}

extension String: Generable {
    public static var generationSchema: GenerationSchema { GenerationSchema() }
    public init(_ content: GeneratedContent) throws { self = "" }
    public func asPartiallyGenerated() -> String { self }
}

public protocol Tool: Sendable {}

public struct GenerationOptions: Sendable, Equatable {
    public struct SamplingMode: Sendable, Equatable {
        public static var greedy: SamplingMode { SamplingMode() }
    }
    public var sampling: SamplingMode?
    public var temperature: Double?
    public var maximumResponseTokens: Int?
}

public final class LanguageModelSession: Sendable {
    public var transcript: Transcript { Transcript() }
    public var tools: [any Tool] { [] }

    public struct Response<Content: Generable>: Sendable {
        public init(content: Content, rawContent: GeneratedContent, transcriptEntries: ArraySlice<Transcript.Entry>) {}
    }

    public struct ResponseStream<Content: Generable>: Sendable {
        public struct Snapshot: Sendable {
            public init(content: Content.PartiallyGenerated, rawContent: GeneratedContent) {}
        }
        public init(stream: AsyncThrowingStream<Snapshot, any Error>) {}
    }
}

public struct Transcript: Sendable, RandomAccessCollection {
    public var startIndex: Int { 0 }
    public var endIndex: Int { 0 }
    public subscript(index: Int) -> Entry { fatalError("a stub") }

    public enum Entry: Sendable {
        case instructions(Instructions)
        case prompt(Prompt)
        case toolCalls(ToolCalls)
        case toolOutput(ToolOutput)
        case response(Response)
    }

    public enum Segment: Sendable {
        case text(TextSegment)
        case structure(StructuredSegment)
        case image(ImageSegment)
    }

    public struct TextSegment: Sendable { public var content: String }
    public struct StructuredSegment: Sendable { public var content: GeneratedContent }
    public struct ImageSegment: Sendable {}
    public struct Instructions: Sendable { public var segments: [Segment] }
    public struct Prompt: Sendable { public var segments: [Segment] }
    public struct Response: Sendable { public var segments: [Segment] }
    public struct ToolOutput: Sendable {}
    public struct ToolCalls: Sendable {}
}

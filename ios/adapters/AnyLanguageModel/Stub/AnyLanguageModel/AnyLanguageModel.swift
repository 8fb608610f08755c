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

public protocol PromptRepresentable {
    var promptRepresentation: Prompt { get }
}

extension String: PromptRepresentable {
    public var promptRepresentation: Prompt { Prompt() }
}

public struct GenerationSchema: Sendable, Codable {}

public struct GeneratedContent: Sendable {
    public init(_ text: String) {}
    public init(json: String) throws {}
    public var jsonString: String { "" }
}

public protocol ConvertibleFromGeneratedContent {
    init(_ content: GeneratedContent) throws
}

public protocol Generable: ConvertibleFromGeneratedContent, Sendable {
    associatedtype PartiallyGenerated: Sendable = Self
    static var generationSchema: GenerationSchema { get }
    func asPartiallyGenerated() -> PartiallyGenerated
}

extension String: Generable {
    public static var generationSchema: GenerationSchema { GenerationSchema() }
    public init(_ content: GeneratedContent) throws { self = "" }
    public func asPartiallyGenerated() -> String { self }
}

public protocol Tool<Arguments, Output>: Sendable {
    associatedtype Output: PromptRepresentable
    associatedtype Arguments: ConvertibleFromGeneratedContent
    var name: String { get }
    var description: String { get }
    var parameters: GenerationSchema { get }
    func call(arguments: Arguments) async throws -> Output
}

public enum ToolExecutionDecision: Sendable {
    case execute
    case stop
    case provideOutput([Transcript.Segment])
}

public protocol ToolExecutionDelegate: Sendable {
    func didGenerateToolCalls(_ toolCalls: [Transcript.ToolCall], in session: LanguageModelSession) async
    func toolCallDecision(
        for toolCall: Transcript.ToolCall, in session: LanguageModelSession
    ) async -> ToolExecutionDecision
    func didExecuteToolCall(
        _ toolCall: Transcript.ToolCall, output: Transcript.ToolOutput, in session: LanguageModelSession
    ) async
    func didFailToolCall(_ toolCall: Transcript.ToolCall, error: any Error, in session: LanguageModelSession) async
}

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
    public var toolExecutionDelegate: (any ToolExecutionDelegate)? { nil }

    public struct ToolCallError: Error {
        public init(tool: any Tool, underlyingError: any Error) {}
    }

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

    public struct TextSegment: Sendable {
        public var content: String
        public init(id: String = "", content: String) { self.content = content }
    }
    public struct StructuredSegment: Sendable { public var content: GeneratedContent }
    public struct ImageSegment: Sendable {}
    public struct Instructions: Sendable { public var segments: [Segment] }
    public struct Prompt: Sendable { public var segments: [Segment] }
    public struct Response: Sendable { public var segments: [Segment] }

    public struct ToolOutput: Sendable {
        public var id: String
        public var toolName: String
        public var segments: [Segment]
        public init(id: String, toolName: String, segments: [Segment]) {
            (self.id, self.toolName, self.segments) = (id, toolName, segments)
        }
    }

    public struct ToolCall: Sendable {
        public var id: String
        public var toolName: String
        public var arguments: GeneratedContent
        public init(id: String, toolName: String, arguments: GeneratedContent) {
            (self.id, self.toolName, self.arguments) = (id, toolName, arguments)
        }
    }

    public struct ToolCalls: Sendable, RandomAccessCollection {
        public init(id: String = "", _ calls: some Sequence<ToolCall>) {}
        public var startIndex: Int { 0 }
        public var endIndex: Int { 0 }
        public subscript(index: Int) -> ToolCall { fatalError("a stub") }
    }
}

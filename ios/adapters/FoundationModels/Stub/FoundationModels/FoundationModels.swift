// What the documentation of FoundationModels 27 says of the names that the adapter uses, to type-check it where the framework
// is not. Written from Apple's documentation; nothing here computes anything, and nothing links it into an app.
import Foundation

public protocol LanguageModel: Sendable {
    associatedtype Executor: LanguageModelExecutor where Self == Self.Executor.Model
    var capabilities: LanguageModelCapabilities { get }
    var executorConfiguration: Executor.Configuration { get }
}

public protocol LanguageModelExecutor: Sendable {
    associatedtype Configuration: Hashable, Sendable
    associatedtype Model: LanguageModel
    init(configuration: Configuration) throws
    func prewarm(model: Model, transcript: Transcript)
    nonisolated(nonsending) func respond(
        to request: LanguageModelExecutorGenerationRequest, model: Model,
        streamingInto channel: LanguageModelExecutorGenerationChannel
    ) async throws
}

extension LanguageModelExecutor {
    public func prewarm(model: Model, transcript: Transcript) {}
}

public struct LanguageModelCapabilities: Sendable {
    public struct Capability: Sendable, Hashable {
        public static var guidedGeneration: Capability { Capability() }
        public static var reasoning: Capability { Capability() }
        public static var toolCalling: Capability { Capability() }
    }
    public init(_ capabilities: [Capability]) {}
}

public struct LanguageModelExecutorGenerationRequest: Sendable {
    public var id: UUID
    public var transcript: Transcript
    public var enabledToolDefinitions: [Transcript.ToolDefinition]
    public var schema: GenerationSchema?
    public var generationOptions: GenerationOptions
    public var contextOptions: ContextOptions
}

public struct GenerationOptions: Sendable, Equatable {
    public struct SamplingMode: Sendable, Equatable {
        public enum Kind: Sendable, Equatable {
            case greedy
            case randomTopK(Int, seed: UInt64?)
            case randomProbabilityThreshold(Double, seed: UInt64?)
        }
        public let kind: Kind
    }
    public var samplingMode: SamplingMode?
    public var temperature: Double?
    public var maximumResponseTokens: Int?
}

public struct ContextOptions: Sendable, Equatable {
    public enum ReasoningLevel: Sendable, Equatable {
        case light, moderate, deep
        case custom(String)
    }
    public var reasoningLevel: ReasoningLevel?
}

public struct GenerationSchema: Sendable, Codable {}

public struct GeneratedContent: Sendable {
    public var jsonString: String { "" }
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
        case reasoning(Reasoning)
    }

    public enum Segment: Sendable {
        case text(TextSegment)
        case structure(StructuredSegment)
        case attachment(AttachmentSegment)
        case custom(CustomSegment)
    }

    public struct TextSegment: Sendable { public var content: String }
    public struct StructuredSegment: Sendable { public var content: GeneratedContent }
    public struct AttachmentSegment: Sendable {}
    public struct CustomSegment: Sendable {}
    public struct Instructions: Sendable { public var segments: [Segment] }
    public struct Prompt: Sendable { public var segments: [Segment] }
    public struct Response: Sendable { public var segments: [Segment] }
    public struct Reasoning: Sendable { public var segments: [Segment] }

    public struct ToolCalls: Sendable, RandomAccessCollection {
        public var startIndex: Int { 0 }
        public var endIndex: Int { 0 }
        public subscript(index: Int) -> ToolCall { fatalError("a stub") }
    }

    public struct ToolCall: Sendable {
        public var id: String
        public var toolName: String
        public var arguments: GeneratedContent
    }

    public struct ToolOutput: Sendable {
        public var id: String
        public var toolName: String
        public var segments: [Segment]
    }

    public struct ToolDefinition: Sendable {
        public var name: String
        public var description: String
        public var parameters: GenerationSchema
    }
}

public struct LanguageModelExecutorGenerationChannel: Sendable {
    public func send(_ event: Event) async {}

    public struct Event: Sendable {
        public static func response(entryID: String, action: Response.Action) -> Event { Event() }
        public static func reasoning(entryID: String, action: Reasoning.Action) -> Event { Event() }
        public static func toolCalls(entryID: String, action: ToolCalls.Action) -> Event { Event() }
    }

    public enum Response {
        public struct Action: Sendable {
            public static func appendText(_ text: String, segmentID: String? = nil, tokenCount: Int) -> Action { Action() }
            public static func updateUsage(input: Usage.Input, output: Usage.Output) -> Action { Action() }
        }
    }

    public enum Reasoning {
        public struct Action: Sendable {
            public static func appendText(_ text: String, segmentID: String? = nil, tokenCount: Int) -> Action { Action() }
        }
    }

    public enum ToolCalls {
        public struct Action: Sendable {
            public static func toolCall(id: String, name: String, action: CallAction) -> Action { Action() }
        }
        public struct CallAction: Sendable {
            public static func appendArguments(_ text: String, tokenCount: Int) -> CallAction { CallAction() }
        }
    }

    public enum Usage {
        public struct Input: Sendable { public init(totalTokenCount: Int, cachedTokenCount: Int) {} }
        public struct Output: Sendable { public init(totalTokenCount: Int, reasoningTokenCount: Int) {} }
    }
}

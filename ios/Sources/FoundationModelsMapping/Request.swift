import Foundation
import Wheelwork

/// What a session asks of a model besides its transcript, as plain values.
public struct ModelRequest: Sendable, Hashable, Codable {
    /// How a token is picked.
    public enum Picking: String, Sendable, Codable {
        case greedy, topK, probability
    }

    /// How much the model should think.
    public enum ReasoningLevel: String, Sendable, Codable {
        case none, low, medium, high

        /// Tokens of reasoning; nil where there is no limit.
        var budget: Int? {
            switch self {
            case .none: 0
            case .low: 512
            case .medium: 2048
            case .high: nil
            }
        }
    }

    public var temperature: Double?
    public var picking: Picking?
    public var topK: Int?
    public var probability: Double?
    public var seed: UInt64?
    /// Of the answer alone.
    public var maximumResponseTokens: Int?
    public var reasoningLevel: ReasoningLevel?
    /// What a `GenerationSchema` encodes to.
    public var schema: String?

    public init() {}
}

extension Options {
    /// What a request means here.
    ///
    /// A limit of the answer is none of the reasoning: where the reasoning has a budget, it is added.
    public init(_ request: ModelRequest, tools: [FunctionTool] = []) throws {
        self.init()
        switch request.picking {
        case .greedy: sampling = .greedy
        case .topK: sampling = Sampling(temperature: request.temperature, topK: request.topK, seed: request.seed)
        case .probability:
            sampling = Sampling(temperature: request.temperature, topP: request.probability, seed: request.seed)
        case nil: sampling = Sampling(temperature: request.temperature, seed: request.seed)
        }
        let budget = request.reasoningLevel?.budget
        switch request.reasoningLevel {
        case nil, .high: think = .auto
        case .some(.none): think = .off
        case .low, .medium: think = .budget(tokens: budget)
        }
        maxTokens = request.maximumResponseTokens.map { $0.addingReportingOverflow(budget ?? 0).partialValue }
        if let schema = request.schema { output = .jsonSchema(try plainSchema(schema)) }
        self.tools = tools
    }
}

/// A schema without Apple's own keywords, which say nothing of what is valid; where a property has their name, it stays.
func plainSchema(_ text: String) throws -> String {
    let schema = try JSONSerialization.jsonObject(with: Data(text.utf8))
    let data = try JSONSerialization.data(withJSONObject: plain(schema), options: [.sortedKeys])
    return String(decoding: data, as: UTF8.self)
}

private let own: Set<String> = ["x-order"]
/// What holds schemas by names of people's choice.
private let maps: Set<String> = ["properties", "$defs", "definitions", "patternProperties"]
/// What holds values.
private let values: Set<String> = ["enum", "const", "default", "examples"]

private func plain(_ schema: Any) -> Any {
    if let list = schema as? [Any] { return list.map(plain) }
    guard let fields = schema as? [String: Any] else { return schema }
    var kept: [String: Any] = [:]
    for (key, value) in fields where !own.contains(key) {
        if values.contains(key) {
            kept[key] = value
        } else if maps.contains(key), let named = value as? [String: Any] {
            kept[key] = named.mapValues(plain)
        } else {
            kept[key] = plain(value)
        }
    }
    return kept
}

/// What is sent into a session's channel.
public enum ChannelAction: Sendable, Hashable {
    case reasoning(String)
    case response(String)
    case toolCall(TranscriptPart.Call)
    case usage(TokenUsage)

    /// What an event means to a session; nil where it has no word for it.
    public init?(_ event: Event) {
        switch event {
        case .reasoningDelta(let text): self = .reasoning(text)
        case .answerDelta(let text): self = .response(text)
        // A session's tools are those that were offered.
        case .toolCall(let call) where call.known:
            self = .toolCall(.init(id: "call-\(call.index)", name: call.name, arguments: call.arguments))
        case .finished(let finished): self = .usage(TokenUsage(finished.usage))
        default: return nil
        }
    }
}

/// Tokens as sessions count them.
public struct TokenUsage: Sendable, Hashable, Codable {
    public let input: Int
    /// Of these, tokens that stood in the cache already.
    public let cachedInput: Int
    public let output: Int
    /// Of these, reasoning.
    public let reasoning: Int

    public init(_ usage: Usage) {
        input = usage.promptTokens
        cachedInput = usage.reusedTokens
        output = usage.completionTokens
        reasoning = usage.reasoningTokens
    }
}

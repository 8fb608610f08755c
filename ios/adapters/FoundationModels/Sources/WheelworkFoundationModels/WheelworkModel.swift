#if canImport(FoundationModels, _version: 2) || WHEELWORK_STUB
    import Foundation
    import FoundationModels
    import FoundationModelsMapping
    import Wheelwork

    /// A package of Wheelwork's as the model of a `LanguageModelSession`: `LanguageModelSession(model: try await
    /// WheelworkModel(engine))`. Sessions of one engine share it; the app closes it.
    ///
    /// The session's tools, schemas, options and reasoning levels arrive as far as ``FoundationModelsMapping`` maps them. What it
    /// does not: images and other attachments, for which a request fails.
    @available(iOS 27, macOS 27, visionOS 27, *)
    public struct WheelworkModel: LanguageModel {
        public typealias Executor = WheelworkExecutor

        public let capabilities: LanguageModelCapabilities
        public let executorConfiguration: WheelworkExecutor.Configuration

        /// An open model. Reasoning is among its capabilities where the package reasons.
        public init(_ engine: Engine) async throws {
            let reasons = try await engine.reasons
            capabilities = LanguageModelCapabilities([.guidedGeneration, .toolCalling] + (reasons ? [.reasoning] : []))
            executorConfiguration = WheelworkExecutor.Configuration(engine: engine)
        }
    }

    /// Holds the conversation of one session, so that what it has computed is used again.
    @available(iOS 27, macOS 27, visionOS 27, *)
    public struct WheelworkExecutor: LanguageModelExecutor {
        public typealias Model = WheelworkModel

        /// Equal for the same engine.
        public struct Configuration: Hashable, Sendable {
            let engine: Engine

            public static func == (left: Self, right: Self) -> Bool { left.engine === right.engine }
            public func hash(into hasher: inout Hasher) { hasher.combine(ObjectIdentifier(engine)) }
        }

        private let held: HeldConversation

        public init(configuration: Configuration) throws {
            held = HeldConversation(configuration.engine)
        }

        public nonisolated(nonsending) func respond(
            to request: LanguageModelExecutorGenerationRequest, model: WheelworkModel,
            streamingInto channel: LanguageModelExecutorGenerationChannel
        ) async throws {
            let parts = try request.transcript.map { try TranscriptPart($0) }
            let tools = try request.enabledToolDefinitions.map { try FunctionTool($0) }
            let options = try Options(try ModelRequest(request), tools: tools)
            let ids = EntryIDs()
            // Cancelling the task ends the turn within a token.
            for try await event in try await held.turn(for: parts.messages, options) {
                if let action = ChannelAction(event) { await channel.send(ids.event(action)) }
            }
        }
    }

    /// The names of the entries that one response is sent into.
    @available(iOS 27, macOS 27, visionOS 27, *)
    private struct EntryIDs {
        let response = UUID().uuidString
        let reasoning = UUID().uuidString
        let calls = UUID().uuidString

        func event(_ action: ChannelAction) -> LanguageModelExecutorGenerationChannel.Event {
            switch action {
            // Deltas are not counted one by one; the usage at the end has the sums.
            case .reasoning(let text): .reasoning(entryID: reasoning, action: .appendText(text, tokenCount: 1))
            case .response(let text): .response(entryID: response, action: .appendText(text, tokenCount: 1))
            case .toolCall(let call):
                .toolCalls(
                    entryID: calls,
                    action: .toolCall(
                        id: call.id, name: call.name, action: .appendArguments(call.arguments, tokenCount: 1)))
            case .usage(let usage):
                .response(
                    entryID: response,
                    action: .updateUsage(
                        input: .init(totalTokenCount: usage.input, cachedTokenCount: usage.cachedInput),
                        output: .init(totalTokenCount: usage.output, reasoningTokenCount: usage.reasoning)))
            }
        }
    }

    @available(iOS 27, macOS 27, visionOS 27, *)
    extension TranscriptPart {
        fileprivate init(_ entry: Transcript.Entry) throws {
            switch entry {
            case .instructions(let instructions): self = .instructions(try text(instructions.segments))
            case .prompt(let prompt): self = .prompt(try text(prompt.segments))
            case .reasoning(let reasoning): self = .reasoning(try text(reasoning.segments))
            case .response(let response): self = .response(try text(response.segments))
            case .toolCalls(let calls):
                self = .toolCalls(
                    calls.map { Call(id: $0.id, name: $0.toolName, arguments: $0.arguments.jsonString) })
            case .toolOutput(let output):
                self = .toolOutput(id: output.id, name: output.toolName, text: try text(output.segments))
            @unknown default: throw WheelworkModelError.unknownEntry
            }
        }
    }

    @available(iOS 27, macOS 27, visionOS 27, *)
    private func text(_ segments: [Transcript.Segment]) throws -> String {
        try segments.map { segment in
            switch segment {
            case .text(let text): return text.content
            case .structure(let structure): return structure.content.jsonString
            default: throw WheelworkModelError.noText
            }
        }.joined()
    }

    /// What a session asks for and no package can do.
    public enum WheelworkModelError: Error, Sendable {
        /// An attachment or a segment of an app's own.
        case noText
        /// An entry of a kind that came after this release.
        case unknownEntry
    }

    @available(iOS 27, macOS 27, visionOS 27, *)
    extension FunctionTool {
        fileprivate init(_ definition: Transcript.ToolDefinition) throws {
            self.init(
                name: definition.name, description: definition.description,
                parameters: try json(definition.parameters))
        }
    }

    @available(iOS 27, macOS 27, visionOS 27, *)
    extension ModelRequest {
        fileprivate init(_ request: LanguageModelExecutorGenerationRequest) throws {
            self.init()
            let options = request.generationOptions
            temperature = options.temperature
            maximumResponseTokens = options.maximumResponseTokens
            switch options.samplingMode?.kind {
            case nil: break
            case .greedy: picking = .greedy
            case .randomTopK(let tokens, let seed): (picking, topK, self.seed) = (.topK, tokens, seed)
            case .randomProbabilityThreshold(let threshold, let seed):
                (picking, probability, self.seed) = (.probability, threshold, seed)
            @unknown default: break
            }
            switch request.contextOptions.reasoningLevel {
            case .light: reasoningLevel = .low
            case .moderate: reasoningLevel = .medium
            case .deep: reasoningLevel = .high
            case .custom(let name): reasoningLevel = ReasoningLevel(rawValue: name)
            case nil: break
            @unknown default: break
            }
            schema = try request.schema.map { try json($0) }
        }
    }

    @available(iOS 27, macOS 27, visionOS 27, *)
    private func json(_ schema: GenerationSchema) throws -> String {
        String(decoding: try JSONEncoder().encode(schema), as: UTF8.self)
    }
#endif

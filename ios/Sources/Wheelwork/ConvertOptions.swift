import Foundation
internal import WheelworkFFI

/// Options on their way to Rust.

extension Options {
    func ffi() throws(WheelworkError) -> WheelworkFFI.Options {
        WheelworkFFI.Options(
            maxTokens: try natural(maxTokens, "maxTokens"),
            temperature: sampling.temperature.map(Float.init),
            topK: try natural(sampling.topK, "topK"),
            topP: sampling.topP.map(Float.init),
            minP: sampling.minP.map(Float.init),
            repetitionPenalty: sampling.repetitionPenalty.map(Float.init),
            seed: sampling.seed,
            output: output.ffi,
            tools: tools.map { Tool(name: $0.name, description: $0.description, parameters: $0.parameters) },
            toolChoice: mustCallTool ? .required : .auto,
            stop: stop,
            thinking: try think.ffi(),
            openReasoning: opensReasoning ? .auto : .off,
            closingPhrase: closing,
            answerReserve: try natural(answerReserve, "answerReserve"),
            onLoop: onLoop.ffi,
            onContextFull: try onContextFull.ffi(),
            promptLookup: promptLookup ? .auto : .off)
    }
}

extension OutputForm {
    var ffi: OutputFormat? {
        switch self {
        case .free: nil
        case .jsonSchema(let schema): .jsonSchema(schema: schema)
        case .regex(let pattern): .regex(pattern: pattern)
        case .lark(let grammar): .lark(grammar: grammar)
        }
    }
}

extension Think {
    func ffi() throws(WheelworkError) -> Thinking {
        switch self {
        case .auto: return .auto
        case .off: return .off
        case .budget(let tokens, let time):
            return .budget(tokens: try natural(tokens, "think.tokens"), timeMs: time?.wholeMilliseconds)
        }
    }
}

extension OnLoop {
    var ffi: WheelworkFFI.OnLoop {
        switch self {
        case .end: .end
        case .stop: .stop
        case .warm: .warm
        case .ignore: .ignore
        }
    }
}

extension OnContextFull {
    func ffi() throws(WheelworkError) -> WheelworkFFI.OnContextFull {
        switch self {
        case .refuse: return .stop
        case .dropOldest(let room): return .dropOldest(room: try natural(room, "room"))
        }
    }
}

extension Priority {
    var ffi: WheelworkFFI.Priority {
        switch self {
        case .background: .background
        case .normal: .normal
        case .interactive: .interactive
        }
    }
}

extension Conditions {
    var ffi: WheelworkFFI.Conditions {
        let thermal: WheelworkFFI.Thermal =
            switch thermal {
            case .nominal: .nominal
            case .fair: .fair
            case .serious: .serious
            case .critical: .critical
            }
        let battery: WheelworkFFI.Battery =
            switch battery {
            case .enough: .enough
            case .low: .low
            }
        return WheelworkFFI.Conditions(thermal: thermal, battery: battery, foreground: foreground)
    }
}

extension OpenOptions {
    func ffi() throws(WheelworkError) -> WheelworkFFI.OpenOptions {
        WheelworkFFI.OpenOptions(
            device: device.ffi,
            strict: strict,
            threads: try natural(threads, "threads"),
            powerSavingThreads: try natural(powerSavingThreads, "powerSavingThreads"),
            contextLength: try natural(contextLength, "contextLength"),
            chatTemplate: chatTemplate,
            kvCache: kvCache?.ffi,
            plain: plain,
            kernels: kernels.ffi,
            cacheDir: cacheFolder?.path,
            prefixCacheBytes: try byteCount(prefixCacheBytes, "prefixCacheBytes"),
            providerOptions: providerOptions,
            trialsDir: trialsFolder?.path,
            keysDir: keysFolder?.path,
            memory: try memory.ffi(),
            skipSelfCheck: skipsSelfCheck)
    }

    func engine() throws(WheelworkError) -> EngineOptions {
        guard waitingEvents > 0 else {
            throw .outOfRange("waitingEvents", "\(waitingEvents)", expected: "1 or more")
        }
        guard prefillTokens > 0 else {
            throw .outOfRange("prefillTokens", "\(prefillTokens)", expected: "1 or more")
        }
        return EngineOptions(
            waitingEvents: try natural(waitingEvents, "waitingEvents"),
            prefillTokens: try natural(prefillTokens, "prefillTokens"))
    }
}

extension DevicePreference {
    var ffi: WheelworkFFI.DevicePreference {
        switch self {
        case .auto: .auto
        case .npu: .npu
        case .gpu: .gpu
        case .cpu: .cpu
        }
    }
}

extension Kernels {
    var ffi: WheelworkFFI.Kernels {
        switch self {
        case .auto: .auto
        case .off: .off
        case .own: .own
        }
    }
}

extension KVForm {
    var ffi: KvForm {
        switch self {
        case .float: .float
        case .int8: .int8
        }
    }
}

extension MemoryCheck {
    func ffi() throws(WheelworkError) -> WheelworkFFI.MemoryCheck {
        switch self {
        case .system:
            if let free = freeToThisApp() { return .bytes(bytes: free) }
            return .system
        case .bytes(let number): return .bytes(bytes: try byteCount(number, "memory"))
        case .off: return .off
        }
    }
}

extension ChatMessage {
    var ffi: Message {
        let role: WheelworkFFI.Role =
            switch role {
            case .system: .system
            case .user: .user
            case .assistant: .assistant
            case .tool: .tool
            }
        let calls = toolCalls.map { ToolCall(id: $0.id, name: $0.name, arguments: $0.arguments, asText: $0.asText) }
        return Message(role: role, text: content, toolCalls: calls, toolCallId: toolCallId, name: name)
    }
}

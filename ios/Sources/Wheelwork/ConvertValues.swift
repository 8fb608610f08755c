import Foundation
internal import WheelworkFFI

/// Values on their way from Rust.

extension Event {
    init(_ event: WheelworkFFI.Event) {
        switch event {
        case .started(
            let placement, let promptTokens, let reusedTokens, let prefixTokens, let resumedTokens, let reasoning):
            self = .started(
                Started(
                    placement: Placement(placement), promptTokens: count(promptTokens),
                    reusedTokens: count(reusedTokens), prefixTokens: count(prefixTokens),
                    resumedTokens: count(resumedTokens), reasoning: ReasoningStart(reasoning)))
        case .turnsDropped(let messages, let tokens):
            self = .turnsDropped(messages: count(messages), tokens: count(tokens))
        case .reasoningDelta(let text): self = .reasoningDelta(text: text)
        case .reasoningEnded(let tokens, let elapsedMs, let cause):
            self = .reasoningEnded(
                tokens: count(tokens), elapsed: Duration(milliseconds: elapsedMs), cause: ReasoningEnd(cause))
        case .answerWasReasoning(let tokens, let elapsedMs):
            self = .answerWasReasoning(tokens: count(tokens), elapsed: Duration(milliseconds: elapsedMs))
        case .temperatureRaised(let to, let period): self = .temperatureRaised(to: to, period: count(period))
        case .deviceChanged(let placement): self = .deviceChanged(Placement(placement))
        case .paceChanged(let pace): self = .paceChanged(Pace(pace))
        case .answerDelta(let text): self = .answerDelta(text: text)
        case .toolCall(let index, let name, let arguments, let known):
            self = .toolCall(ToolRequest(index: count(index), name: name, arguments: arguments, known: known))
        case .toolCallRejected(let fault): self = .toolCallRejected(ToolFault(fault))
        case .finished(let reason, let usage, let timings, let tokenIds):
            self = .finished(
                Finished(
                    reason: FinishReason(reason), usage: Usage(usage), timings: Timings(timings),
                    tokenIds: tokenIds.map { Int($0) }))
        }
    }
}

extension ReasoningStart {
    init(_ start: WheelworkFFI.ReasoningStart) {
        switch start {
        case .noReasoning: self = .noReasoning
        case .inPrompt: self = .inPrompt
        case .opened: self = .opened
        case .leftToModel: self = .leftToModel
        case .skipped: self = .skipped
        }
    }
}

extension ReasoningEnd {
    init(_ end: WheelworkFFI.ReasoningEnd) {
        switch end {
        case .closed: self = .closed
        case .budget: self = .budget
        case .loop: self = .loop
        case .answerNow: self = .answerNow
        case .skipped: self = .skipped
        }
    }
}

extension FinishReason {
    init(_ reason: WheelworkFFI.FinishReason) {
        switch reason {
        case .stop: self = .stop
        case .length: self = .length
        case .contextFull: self = .contextFull
        case .repetition: self = .repetition
        case .cancelled: self = .cancelled
        case .suspended: self = .suspended
        }
    }
}

extension ToolFault {
    init(_ fault: WheelworkFFI.ToolFault) {
        switch fault {
        case .noName: self = .noName
        case .noArguments: self = .noArguments
        case .notJson: self = .notJSON
        case .unfinished: self = .unfinished
        }
    }
}

extension Pace {
    init(_ pace: WheelworkFFI.Pace) {
        switch pace {
        case .full: self = .full
        case .eased: self = .eased
        case .slow: self = .slow
        case .minimal: self = .minimal
        }
    }
}

extension Usage {
    init(_ usage: WheelworkFFI.Usage) {
        self.init(
            promptTokens: count(usage.promptTokens), reusedTokens: count(usage.reusedTokens),
            completionTokens: count(usage.completionTokens), reasoningTokens: count(usage.reasoningTokens),
            draftedTokens: count(usage.draftedTokens), acceptedTokens: count(usage.acceptedTokens))
    }
}

extension Timings {
    init(_ timings: WheelworkFFI.Timings) {
        self.init(
            prefill: Duration(milliseconds: timings.prefillMs),
            firstToken: Duration(milliseconds: timings.firstTokenMs),
            decode: Duration(milliseconds: timings.decodeMs),
            total: Duration(milliseconds: timings.totalMs),
            prefillTokensPerSecond: timings.prefillTokensPerS,
            decodeTokensPerSecond: timings.decodeTokensPerS)
    }
}

extension Placement {
    init(_ placement: WheelworkFFI.Placement) {
        self.init(
            device: ComputeDevice(placement.device),
            provider: placement.provider,
            kernels: KernelSet(placement.kernels),
            simulator: placement.simulator,
            variant: placement.variant,
            threads: count(placement.threads),
            kvCache: KVForm(placement.kvCache),
            prepared: Prepared(placement.prepared),
            notPrepared: placement.notPrepared,
            graphs: placement.graphs.map { graph in
                let shares = graph.shares.map {
                    Share(provider: $0.provider, nodes: count($0.nodes), operators: $0.operators)
                }
                return Graph(graph: graph.graph, weightBytes: count(graph.weightBytes), shares: shares)
            },
            selfCheck: placement.selfCheck.map(SelfCheck.init),
            notUsed: placement.notUsed.map {
                NotUsed(
                    provider: $0.provider, device: ComputeDevice($0.device), reason: NotUsedReason($0.kind),
                    words: $0.reason, detail: $0.detail)
            })
    }
}

extension ComputeDevice {
    init(_ device: WheelworkFFI.Device) {
        switch device {
        case .npu: self = .npu
        case .gpu: self = .gpu
        case .cpu: self = .cpu
        }
    }
}

extension KernelSet {
    init(_ kernels: WheelworkFFI.KernelSet) {
        switch kernels {
        case .onnxRuntime: self = .onnxRuntime
        case .avx512Vnni: self = .avx512VNNI
        case .avxVnni: self = .avxVNNI
        case .avx2: self = .avx2
        case .dotProduct: self = .dotProduct
        case .portable: self = .portable
        }
    }
}

extension KVForm {
    init(_ form: KvForm) {
        switch form {
        case .float: self = .float
        case .int8: self = .int8
        }
    }
}

extension Prepared {
    init(_ prepared: WheelworkFFI.Prepared) {
        switch prepared {
        case .used: self = .used
        case .notWanted: self = .notWanted
        case .noPlace: self = .noPlace
        case .missing: self = .missing
        case .stale: self = .stale
        case .notMadeHere: self = .notMadeHere
        case .damaged: self = .damaged
        }
    }
}

extension NotUsedReason {
    init(_ reason: WheelworkFFI.NotUsedReason) {
        switch reason {
        case .notInThisBuild: self = .notInThisBuild
        case .noVariant: self = .noVariant
        case .notRequested: self = .notRequested
        case .unproven: self = .unproven
        case .libraryMissing: self = .libraryMissing
        case .libraryRefused: self = .libraryRefused
        case .noDevice: self = .noDevice
        case .simulatorOnly: self = .simulatorOnly
        case .noMatchingBinary: self = .noMatchingBinary
        case .compiling: self = .compiling
        case .compileFailed: self = .compileFailed
        case .damaged: self = .damaged
        case .crashedBefore: self = .crashedBefore
        case .beingTried: self = .beingTried
        case .selfCheckFailed: self = .selfCheckFailed
        case .runFailed: self = .runFailed
        case .sessionFailed: self = .sessionFailed
        case .runtimeTooOld: self = .runtimeTooOld
        case .tookNoNodes: self = .tookNoNodes
        }
    }
}

extension SelfCheck {
    init(_ check: WheelworkFFI.SelfCheck) {
        switch check {
        case .passed(let relativeRms): self = .passed(relativeRMS: relativeRms)
        case .passedBefore: self = .passedBefore
        case .notInPackage: self = .notInPackage
        case .noMemory: self = .noMemory
        case .skipped: self = .skipped
        }
    }
}

extension ChatMessage {
    init(_ message: Message) {
        let role: Role =
            switch message.role {
            case .system: .system
            case .user: .user
            case .assistant: .assistant
            case .tool: .tool
            }
        self.init(
            role: role, content: message.text,
            toolCalls: message.toolCalls.map {
                Call(name: $0.name, arguments: $0.arguments, id: $0.id, asText: $0.asText)
            },
            toolCallId: message.toolCallId, name: message.name, reasoning: message.reasoning, told: message.answer)
    }
}

package dev.wheelwork

import dev.wheelwork.ffi.Device as FfiDevice
import dev.wheelwork.ffi.Event as FfiEvent
import dev.wheelwork.ffi.FinishReason as FfiFinishReason
import dev.wheelwork.ffi.GraphPlacement as FfiGraphPlacement
import dev.wheelwork.ffi.KernelSet as FfiKernelSet
import dev.wheelwork.ffi.KvForm as FfiKvForm
import dev.wheelwork.ffi.Message as FfiMessage
import dev.wheelwork.ffi.NotUsed as FfiNotUsed
import dev.wheelwork.ffi.Pace as FfiPace
import dev.wheelwork.ffi.Placement as FfiPlacement
import dev.wheelwork.ffi.ReasoningEnd as FfiReasoningEnd
import dev.wheelwork.ffi.ReasoningStart as FfiReasoningStart
import dev.wheelwork.ffi.Role as FfiRole
import dev.wheelwork.ffi.SelfCheck as FfiSelfCheck
import dev.wheelwork.ffi.Share as FfiShare
import dev.wheelwork.ffi.Timings as FfiTimings
import dev.wheelwork.ffi.ToolFault as FfiToolFault
import dev.wheelwork.ffi.Usage as FfiUsage
import kotlin.time.Duration.Companion.milliseconds

// From the types that cross the language boundary to ours. A kind of event that is new there does not compile here.

internal fun FfiEvent.toPublic(): Event = when (this) {
    is FfiEvent.Started -> Event.Started(
        placement = placement.toPublic(),
        promptTokens = promptTokens.toCount(),
        reusedTokens = reusedTokens.toCount(),
        prefixTokens = prefixTokens.toCount(),
        resumedTokens = resumedTokens.toCount(),
        reasoning = reasoning.toPublic(),
    )
    is FfiEvent.TurnsDropped -> Event.TurnsDropped(messages = messages.toCount(), tokens = tokens.toCount())
    is FfiEvent.ReasoningDelta -> Event.ReasoningDelta(text)
    is FfiEvent.ReasoningEnded -> Event.ReasoningEnded(tokens.toCount(), elapsedMs.milliseconds, cause.toPublic())
    is FfiEvent.AnswerWasReasoning -> Event.AnswerWasReasoning(tokens.toCount(), elapsedMs.milliseconds)
    is FfiEvent.TemperatureRaised -> Event.TemperatureRaised(to, period.toCount())
    is FfiEvent.DeviceChanged -> Event.DeviceChanged(placement.toPublic())
    is FfiEvent.PaceChanged -> Event.PaceChanged(pace.toPublic())
    is FfiEvent.AnswerDelta -> Event.AnswerDelta(text)
    is FfiEvent.ToolCall -> Event.ToolCall(index.toCount(), name, arguments, known)
    is FfiEvent.ToolCallRejected -> Event.ToolCallRejected(fault.toPublic())
    is FfiEvent.Finished ->
        Event.Finished(reason.toPublic(), usage.toPublic(), timings.toPublic(), tokenIds.map { it.toCount() })
}

internal fun FfiPlacement.toPublic(): Placement = Placement(
    device = device.toPublic(),
    provider = provider,
    kernels = when (kernels) {
        FfiKernelSet.ONNX_RUNTIME -> KernelSet.ONNX_RUNTIME
        FfiKernelSet.AVX512_VNNI -> KernelSet.AVX512_VNNI
        FfiKernelSet.AVX_VNNI -> KernelSet.AVX_VNNI
        FfiKernelSet.AVX2 -> KernelSet.AVX2
        FfiKernelSet.DOT_PRODUCT -> KernelSet.DOT_PRODUCT
        FfiKernelSet.PORTABLE -> KernelSet.PORTABLE
    },
    simulator = simulator,
    variant = variant,
    threads = threads.toCount(),
    kvCache = kvCache.toPublic(),
    prepared = prepared.toPublic(),
    notPrepared = notPrepared,
    graphs = graphs.map { it.toPublic() },
    selfCheck = selfCheck?.toPublic(),
    notUsed = notUsed.map { it.toPublic() },
)

internal fun FfiMessage.toPublic(): Message = Message(
    role = role.toPublic(),
    content = text,
    toolCalls = toolCalls.map { ToolCall(it.name, it.arguments, it.id, it.asText) },
    toolCallId = toolCallId,
    name = name,
    reasoning = reasoning,
    told = answer,
)

internal fun FfiDevice.toPublic(): Device = when (this) {
    FfiDevice.NPU -> Device.NPU
    FfiDevice.GPU -> Device.GPU
    FfiDevice.CPU -> Device.CPU
}

internal fun FfiPace.toPublic(): Pace = when (this) {
    FfiPace.FULL -> Pace.FULL
    FfiPace.EASED -> Pace.EASED
    FfiPace.SLOW -> Pace.SLOW
    FfiPace.MINIMAL -> Pace.MINIMAL
}

internal fun FfiKvForm.toPublic(): KvForm = when (this) {
    FfiKvForm.FLOAT -> KvForm.FLOAT
    FfiKvForm.INT8 -> KvForm.INT8
}

private fun FfiGraphPlacement.toPublic(): GraphPlacement =
    GraphPlacement(graph, weightBytes.toCount(), shares.map { it.toPublic() })

private fun FfiShare.toPublic(): Share = Share(provider, nodes.toCount(), operators)

private fun FfiNotUsed.toPublic(): NotUsed = NotUsed(provider, device.toPublic(), kind.toPublic(), reason, detail)

private fun FfiSelfCheck.toPublic(): SelfCheck = when (this) {
    is FfiSelfCheck.Passed -> SelfCheck.Passed(relativeRms)
    FfiSelfCheck.PassedBefore -> SelfCheck.PassedBefore
    FfiSelfCheck.NotInPackage -> SelfCheck.NotInPackage
    FfiSelfCheck.NoMemory -> SelfCheck.NoMemory
    FfiSelfCheck.Skipped -> SelfCheck.Skipped
}

private fun FfiReasoningStart.toPublic(): ReasoningStart = when (this) {
    FfiReasoningStart.NO_REASONING -> ReasoningStart.NO_REASONING
    FfiReasoningStart.IN_PROMPT -> ReasoningStart.IN_PROMPT
    FfiReasoningStart.OPENED -> ReasoningStart.OPENED
    FfiReasoningStart.LEFT_TO_MODEL -> ReasoningStart.LEFT_TO_MODEL
    FfiReasoningStart.SKIPPED -> ReasoningStart.SKIPPED
}

private fun FfiReasoningEnd.toPublic(): ReasoningEnd = when (this) {
    FfiReasoningEnd.CLOSED -> ReasoningEnd.CLOSED
    FfiReasoningEnd.BUDGET -> ReasoningEnd.BUDGET
    FfiReasoningEnd.LOOP -> ReasoningEnd.LOOP
    FfiReasoningEnd.ANSWER_NOW -> ReasoningEnd.ANSWER_NOW
    FfiReasoningEnd.SKIPPED -> ReasoningEnd.SKIPPED
}

private fun FfiFinishReason.toPublic(): FinishReason = when (this) {
    FfiFinishReason.STOP -> FinishReason.STOP
    FfiFinishReason.LENGTH -> FinishReason.LENGTH
    FfiFinishReason.CONTEXT_FULL -> FinishReason.CONTEXT_FULL
    FfiFinishReason.REPETITION -> FinishReason.REPETITION
    FfiFinishReason.CANCELLED -> FinishReason.CANCELLED
    FfiFinishReason.SUSPENDED -> FinishReason.SUSPENDED
}

private fun FfiToolFault.toPublic(): ToolFault = when (this) {
    FfiToolFault.NO_NAME -> ToolFault.NO_NAME
    FfiToolFault.NO_ARGUMENTS -> ToolFault.NO_ARGUMENTS
    FfiToolFault.NOT_JSON -> ToolFault.NOT_JSON
    FfiToolFault.UNFINISHED -> ToolFault.UNFINISHED
}

private fun FfiUsage.toPublic(): Usage = Usage(
    promptTokens = promptTokens.toCount(),
    reusedTokens = reusedTokens.toCount(),
    completionTokens = completionTokens.toCount(),
    reasoningTokens = reasoningTokens.toCount(),
    draftedTokens = draftedTokens.toCount(),
    acceptedTokens = acceptedTokens.toCount(),
)

private fun FfiTimings.toPublic(): Timings = Timings(
    prefill = prefillMs.milliseconds,
    firstToken = firstTokenMs.milliseconds,
    decode = decodeMs.milliseconds,
    total = totalMs.milliseconds,
    prefillTokensPerSecond = prefillTokensPerS,
    decodeTokensPerSecond = decodeTokensPerS,
)

private fun FfiRole.toPublic(): Role = when (this) {
    FfiRole.SYSTEM -> Role.SYSTEM
    FfiRole.USER -> Role.USER
    FfiRole.ASSISTANT -> Role.ASSISTANT
    FfiRole.TOOL -> Role.TOOL
}

/** As a signed number; one beyond it is shown as the largest there is. */
internal fun UInt.toCount(): Int = coerceAtMost(Int.MAX_VALUE.toUInt()).toInt()

internal fun ULong.toCount(): Long = coerceAtMost(Long.MAX_VALUE.toULong()).toLong()

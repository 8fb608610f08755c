package dev.wheelwork

import dev.wheelwork.ffi.Autosave as FfiAutosave
import dev.wheelwork.ffi.Battery as FfiBattery
import dev.wheelwork.ffi.Conditions as FfiConditions
import dev.wheelwork.ffi.DevicePreference as FfiDevicePreference
import dev.wheelwork.ffi.EngineOptions as FfiEngineOptions
import dev.wheelwork.ffi.Kernels as FfiKernels
import dev.wheelwork.ffi.KvForm as FfiKvForm
import dev.wheelwork.ffi.MemoryCheck as FfiMemoryCheck
import dev.wheelwork.ffi.Message as FfiMessage
import dev.wheelwork.ffi.OnContextFull as FfiOnContextFull
import dev.wheelwork.ffi.OnLoop as FfiOnLoop
import dev.wheelwork.ffi.OpenOptions as FfiOpenOptions
import dev.wheelwork.ffi.OpenReasoning as FfiOpenReasoning
import dev.wheelwork.ffi.Options as FfiOptions
import dev.wheelwork.ffi.OutputFormat as FfiOutputFormat
import dev.wheelwork.ffi.PromptLookup as FfiPromptLookup
import dev.wheelwork.ffi.Priority as FfiPriority
import dev.wheelwork.ffi.Role as FfiRole
import dev.wheelwork.ffi.Thermal as FfiThermal
import dev.wheelwork.ffi.Thinking as FfiThinking
import dev.wheelwork.ffi.Tool as FfiTool
import dev.wheelwork.ffi.ToolCall as FfiToolCall
import dev.wheelwork.ffi.ToolChoice as FfiToolChoice
import kotlin.time.Duration

// From our types to those that cross the language boundary. Every field of theirs is named here: `cargo xtask kotlin` fails
// where one is left out.

internal fun TurnOptions.toFfi(): FfiOptions = FfiOptions(
    maxTokens = maxTokens.limit("maxTokens"),
    temperature = sampling.chosen.temperature,
    topK = sampling.chosen.topK?.count("topK"),
    topP = sampling.chosen.topP,
    minP = sampling.chosen.minP,
    repetitionPenalty = sampling.chosen.repetitionPenalty,
    seed = sampling.chosen.seed?.toULong(),
    output = output.toFfi(),
    tools = tools.map { FfiTool(name = it.name, description = it.description, parameters = it.parameters) },
    toolChoice = toolChoice.toFfi(),
    stop = stop.toList(),
    thinking = think.toFfi(),
    openReasoning = openReasoning.toFfi(),
    closingPhrase = closing.toFfi(),
    answerReserve = answerReserve.count("answerReserve"),
    onLoop = onLoop.toFfi(),
    onContextFull = onContextFull.toFfi(),
    promptLookup = when (promptLookup) {
        PromptLookup.OFF -> FfiPromptLookup.OFF
        PromptLookup.AUTO -> FfiPromptLookup.AUTO
    },
)

internal fun OpenOptions.toFfi(): FfiOpenOptions = FfiOpenOptions(
    device = device.toFfi(),
    strict = strict,
    threads = threads.toFfi(),
    powerSavingThreads = powerSavingThreads.toFfi(),
    contextLength = contextLength.limit("contextLength"),
    chatTemplate = when (val template = chatTemplate) {
        ChatTemplate.OfPackage -> null
        is ChatTemplate.Jinja -> template.source
    },
    kvCache = when (kvCache) {
        KvCache.OF_PACKAGE -> null
        KvCache.FLOAT -> FfiKvForm.FLOAT
        KvCache.INT8 -> FfiKvForm.INT8
    },
    plain = plain,
    kernels = when (kernels) {
        Kernels.AUTO -> FfiKernels.AUTO
        Kernels.OFF -> FfiKernels.OFF
        Kernels.OWN -> FfiKernels.OWN
    },
    cacheDir = cacheDir?.path,
    prefixCacheBytes = prefixCacheBytes.count("prefixCacheBytes"),
    providerOptions = providerOptions.toMap(),
    trialsDir = trialsDir?.path,
    keysDir = keysDir?.path,
    memory = when (val memory = memory) {
        Memory.Check -> FfiMemoryCheck.System
        is Memory.Limit -> FfiMemoryCheck.Bytes(bytes = memory.bytes.toULong())
        Memory.Unchecked -> FfiMemoryCheck.Off
    },
    skipSelfCheck = skipSelfCheck,
)

internal fun OpenOptions.toEngineFfi(): FfiEngineOptions = FfiEngineOptions(
    waitingEvents = waitingEvents.count("waitingEvents"),
    prefillTokens = prefillTokens.count("prefillTokens"),
)

internal fun Autosave.toFfi(): FfiAutosave =
    FfiAutosave(tokens = tokens.count("tokens"), timeMs = time.milliseconds())

internal fun Conditions.toFfi(): FfiConditions = FfiConditions(
    thermal = when (thermal) {
        Thermal.NOMINAL -> FfiThermal.NOMINAL
        Thermal.FAIR -> FfiThermal.FAIR
        Thermal.SERIOUS -> FfiThermal.SERIOUS
        Thermal.CRITICAL -> FfiThermal.CRITICAL
    },
    battery = when (battery) {
        Battery.ENOUGH -> FfiBattery.ENOUGH
        Battery.LOW -> FfiBattery.LOW
    },
    foreground = foreground,
)

// What the model said is told, never taken: `reasoning` and `answer` follow from the text.
internal fun Message.toFfi(): FfiMessage = FfiMessage(
    role = role.toFfi(),
    text = content,
    toolCalls = toolCalls.map { FfiToolCall(id = it.id, name = it.name, arguments = it.arguments, asText = it.asText) },
    toolCallId = toolCallId,
    name = name,
)

internal fun Priority.toFfi(): FfiPriority = when (this) {
    Priority.BACKGROUND -> FfiPriority.BACKGROUND
    Priority.NORMAL -> FfiPriority.NORMAL
    Priority.INTERACTIVE -> FfiPriority.INTERACTIVE
}

private fun Output.toFfi(): FfiOutputFormat? = when (this) {
    Output.Free -> null
    is Output.JsonSchema -> FfiOutputFormat.JsonSchema(schema = schema)
    is Output.Regex -> FfiOutputFormat.Regex(pattern = pattern)
    is Output.Lark -> FfiOutputFormat.Lark(grammar = grammar)
}

private fun ToolChoice.toFfi(): FfiToolChoice = when (this) {
    ToolChoice.AUTO -> FfiToolChoice.AUTO
    ToolChoice.REQUIRED -> FfiToolChoice.REQUIRED
}

private fun Think.toFfi(): FfiThinking = when (this) {
    Think.Auto -> FfiThinking.Auto
    Think.Off -> FfiThinking.Off
    is Think.Budget -> FfiThinking.Budget(tokens = tokens?.count("tokens"), timeMs = time?.milliseconds())
}

private fun OpenReasoning.toFfi(): FfiOpenReasoning = when (this) {
    OpenReasoning.AUTO -> FfiOpenReasoning.AUTO
    OpenReasoning.OFF -> FfiOpenReasoning.OFF
}

private fun Closing.toFfi(): String? = when (this) {
    Closing.OfPackage -> null
    Closing.TagAlone -> ""
    is Closing.Phrase -> text
}

private fun OnLoop.toFfi(): FfiOnLoop = when (this) {
    OnLoop.END -> FfiOnLoop.END
    OnLoop.STOP -> FfiOnLoop.STOP
    OnLoop.WARM -> FfiOnLoop.WARM
    OnLoop.IGNORE -> FfiOnLoop.IGNORE
}

private fun OnContextFull.toFfi(): FfiOnContextFull = when (this) {
    OnContextFull.Refuse -> FfiOnContextFull.Stop
    is OnContextFull.DropOldest -> FfiOnContextFull.DropOldest(room = room?.count("room"))
}

private fun DevicePreference.toFfi(): FfiDevicePreference = when (this) {
    DevicePreference.AUTO -> FfiDevicePreference.AUTO
    DevicePreference.NPU -> FfiDevicePreference.NPU
    DevicePreference.GPU -> FfiDevicePreference.GPU
    DevicePreference.CPU -> FfiDevicePreference.CPU
}

private fun Role.toFfi(): FfiRole = when (this) {
    Role.SYSTEM -> FfiRole.SYSTEM
    Role.USER -> FfiRole.USER
    Role.ASSISTANT -> FfiRole.ASSISTANT
    Role.TOOL -> FfiRole.TOOL
}

internal fun Threads.toFfi(): UInt? = when (this) {
    Threads.Auto -> null
    is Threads.Count -> count.toUInt()
}

internal fun Int.count(name: String): UInt {
    require(this >= 0) { "$name is $this, expected 0 or more" }
    return toUInt()
}

internal fun Long.count(name: String): ULong {
    require(this >= 0) { "$name is $this, expected 0 or more" }
    return toULong()
}

/** Null for no limit. */
private fun Int.limit(name: String): UInt? = count(name).takeIf { this != TurnOptions.UNLIMITED }

/** Whole milliseconds, of which a negative time has none. */
internal fun Duration.milliseconds(): ULong = inWholeMilliseconds.coerceAtLeast(0).toULong()

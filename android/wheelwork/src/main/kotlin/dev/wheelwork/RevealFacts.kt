package dev.wheelwork

import dev.wheelwork.ffi.AttentionChoice as FfiAttentionChoice
import dev.wheelwork.ffi.AvailableMemory as FfiAvailableMemory
import dev.wheelwork.ffi.CompilationState as FfiCompilationState
import dev.wheelwork.ffi.DetectedDevice as FfiDetectedDevice
import dev.wheelwork.ffi.DetectedProvider as FfiDetectedProvider
import dev.wheelwork.ffi.Divergence as FfiDivergence
import dev.wheelwork.ffi.Estimate as FfiEstimate
import dev.wheelwork.ffi.Evaluation as FfiEvaluation
import dev.wheelwork.ffi.Fit as FfiFit
import dev.wheelwork.ffi.Gate as FfiGate
import dev.wheelwork.ffi.Licence as FfiLicence
import dev.wheelwork.ffi.MemoryPlan as FfiMemoryPlan
import dev.wheelwork.ffi.NamedTaskScore as FfiNamedTaskScore
import dev.wheelwork.ffi.NotUsedReason as FfiNotUsedReason
import dev.wheelwork.ffi.OnnxRuntime as FfiOnnxRuntime
import dev.wheelwork.ffi.OpenEvent as FfiOpenEvent
import dev.wheelwork.ffi.PackageFacts as FfiPackageFacts
import dev.wheelwork.ffi.PrefixUsage as FfiPrefixUsage
import dev.wheelwork.ffi.PrepareEvent as FfiPrepareEvent
import dev.wheelwork.ffi.PrepareReport as FfiPrepareReport
import dev.wheelwork.ffi.Prepared as FfiPrepared
import dev.wheelwork.ffi.ProductChoice as FfiProductChoice
import dev.wheelwork.ffi.ProductTime as FfiProductTime
import dev.wheelwork.ffi.Provenance as FfiProvenance
import dev.wheelwork.ffi.ProviderFacts as FfiProviderFacts
import dev.wheelwork.ffi.ProviderSupport as FfiProviderSupport
import dev.wheelwork.ffi.Repetition as FfiRepetition
import dev.wheelwork.ffi.SharedPrefix as FfiSharedPrefix
import dev.wheelwork.ffi.TaskScore as FfiTaskScore
import dev.wheelwork.ffi.Tasks as FfiTasks
import dev.wheelwork.ffi.Unusable as FfiUnusable
import dev.wheelwork.ffi.VariantFacts as FfiVariantFacts
import kotlin.time.Duration.Companion.microseconds
import kotlin.time.Duration.Companion.seconds

// What is known of devices, packages and memory, over the language boundary.

internal fun FfiProviderFacts.toPublic(): ProviderFacts =
    ProviderFacts(provider, device.toPublic(), hardware, inThisBuild)

internal fun FfiDetectedProvider.toPublic(): DetectedProvider = DetectedProvider(
    provider = provider,
    device = device.toPublic(),
    hardware = hardware,
    support = when (support) {
        FfiProviderSupport.SUPPORTED -> ProviderSupport.SUPPORTED
        FfiProviderSupport.UNPROVEN -> ProviderSupport.UNPROVEN
        FfiProviderSupport.NOT_IN_THIS_BUILD -> ProviderSupport.NOT_IN_THIS_BUILD
    },
    simulator = simulator,
    options = options,
    devices = devices.map { it.toPublic() },
    unusable = unusable?.toPublic(),
)

private fun FfiDetectedDevice.toPublic(): DetectedDevice = DetectedDevice(kind.toPublic(), vendor, providerVendor)

private fun FfiUnusable.toPublic(): Unusable = Unusable(reason.toPublic(), words, detail)

internal fun FfiOnnxRuntime.toPublic(): OnnxRuntime = OnnxRuntime(version, path, build)

internal fun FfiCompilationState?.toPublic(): Compilation = when (this) {
    null -> Compilation.None
    FfiCompilationState.UnderWay -> Compilation.UnderWay
    FfiCompilationState.Ready -> Compilation.Ready
    is FfiCompilationState.Failed -> Compilation.Failed(reason.toPublic(), words, detail)
}

/** Null for the end. */
internal fun FfiOpenEvent.toPublic(): OpenStep? = when (this) {
    FfiOpenEvent.Describe -> OpenStep.Describe
    is FfiOpenEvent.Load -> OpenStep.Load(provider, device.toPublic())
    is FfiOpenEvent.Compile -> OpenStep.Compile(graph, number.toCount(), graphs.toCount())
    is FfiOpenEvent.SelfCheck -> OpenStep.SelfCheck(provider)
    is FfiOpenEvent.Opened -> null
}

internal fun FfiMemoryPlan.toPublic(): MemoryPlan = MemoryPlan(
    contextTokens = contextTokens.toCount(),
    contextLimit = contextLimit.toCount(),
    kvCache = kvCache.toPublic(),
    prepared = prepared.toPublic(),
    packedWeightsBytes = packedWeightsBytes.toCount(),
    mappedWeightsBytes = mappedWeightsBytes.toCount(),
    runtimeBytes = runtimeBytes.toCount(),
    kvBytesPerToken = kvBytesPerToken.toCount(),
    kvBytes = kvBytes.toCount(),
    kvGrowthBytes = kvGrowthBytes.toCount(),
    workingBytes = workingBytes.toCount(),
    prefixCacheBytes = prefixCacheBytes.toCount(),
    needBytes = needBytes.toCount(),
    available = available?.toPublic(),
    fit = when (fit) {
        FfiFit.FITS -> Fit.FITS
        FfiFit.WEIGHTS_FROM_DISK -> Fit.WEIGHTS_FROM_DISK
        FfiFit.TOO_LARGE -> Fit.TOO_LARGE
        FfiFit.UNKNOWN -> Fit.UNKNOWN
    },
    largestContextTokens = largestContextTokens?.toCount(),
)

private fun FfiAvailableMemory.toPublic(): AvailableMemory = AvailableMemory(bytes.toCount(), toldBy)

internal fun FfiPrepared.toPublic(): Prepared = when (this) {
    FfiPrepared.USED -> Prepared.USED
    FfiPrepared.NOT_WANTED -> Prepared.NOT_WANTED
    FfiPrepared.NO_PLACE -> Prepared.NO_PLACE
    FfiPrepared.MISSING -> Prepared.MISSING
    FfiPrepared.STALE -> Prepared.STALE
    FfiPrepared.NOT_MADE_HERE -> Prepared.NOT_MADE_HERE
    FfiPrepared.DAMAGED -> Prepared.DAMAGED
}

internal fun FfiPrefixUsage.toPublic(): PrefixUsage =
    PrefixUsage(entries.toCount(), tokens.toCount(), bytes.toCount(), limitBytes.toCount())

internal fun FfiSharedPrefix.toPublic(): SharedPrefix = SharedPrefix(tokens.toCount(), computedTokens.toCount())

internal fun FfiPrepareEvent.toPublic(): PrepareEvent = when (this) {
    FfiPrepareEvent.Pack -> PrepareEvent.Pack
    is FfiPrepareEvent.Collect -> PrepareEvent.Collect(doneBytes.toCount(), totalBytes.toCount())
    is FfiPrepareEvent.Measure -> PrepareEvent.Measure(done.toCount(), total.toCount())
    FfiPrepareEvent.Compare -> PrepareEvent.Compare
    is FfiPrepareEvent.Finished -> PrepareEvent.Finished(report.toPublic())
}

private fun FfiPrepareReport.toPublic(): PrepareReport = PrepareReport(
    isNew = isNew,
    diskBytes = diskBytes.toCount(),
    peakDiskBytes = peakDiskBytes.toCount(),
    plainMemoryBytes = plainMemoryBytes?.toCount(),
    preparedMemoryBytes = preparedMemoryBytes?.toCount(),
    kernels = kernels.map { it.toPublic() },
    attention = attention?.toPublic(),
    time = seconds.seconds,
)

private fun FfiAttentionChoice.toPublic(): AttentionChoice = AttentionChoice(
    nodes = nodes.toCount(),
    context = context.toCount(),
    onnxruntime = onnxruntime?.toPublic(),
    ours = ours?.toPublic(),
    isOurs = isOurs,
)

private fun FfiProductChoice.toPublic(): ProductChoice = ProductChoice(
    k = k.toCount(),
    n = n.toCount(),
    bits = bits.toCount(),
    blockSize = blockSize.toCount(),
    products = products.toCount(),
    onnxruntime = onnxruntime?.toPublic(),
    ours = ours?.toPublic(),
    isOurs = isOurs,
)

private fun FfiProductTime.toPublic(): ProductTime = ProductTime(tokenUs.microseconds, promptUs.microseconds)

internal fun FfiPackageFacts.toPublic(): PackageFacts = PackageFacts(
    name = name,
    installed = installed?.toPublic(),
    producer = producer,
    formatVersion = formatVersion,
    bitsPerWeight = bitsPerWeight,
    variants = variants.map { it.toPublic() },
    licences = licences.map { it.toPublic() },
    evaluations = evaluations.map { it.toPublic() },
    warnings = warnings,
)

private fun FfiProvenance.toPublic(): Provenance = Provenance(version.toCount(), signature.toPublic())

private fun FfiVariantFacts.toPublic(): VariantFacts =
    VariantFacts(name, provider, modelType, contextLength.toCount(), vocabSize.toCount(), reasons)

private fun FfiLicence.toPublic(): Licence = Licence(file, text)

private fun FfiEvaluation.toPublic(): Evaluation = Evaluation(
    variant = variant,
    producer = producer,
    reference = reference,
    kvCache = kvCache.toPublic(),
    threads = threads.toCount(),
    runtime = runtime,
    text = text,
    divergence = divergence.toPublic(),
    repetition = repetition.toPublic(),
    tasks = tasks?.toPublic(),
    gate = gate.toPublic(),
)

private fun FfiEstimate.toPublic(): Estimate = Estimate(value, standardError)

private fun FfiDivergence.toPublic(): Divergence = Divergence(
    positions = positions.toCount(),
    meanKl = meanKl.toPublic(),
    medianKl = medianKl,
    p99Kl = p99Kl,
    maxKl = maxKl,
    sameTop = sameTop.toPublic(),
    rmsDeltaP = rmsDeltaP,
    perplexityReference = perplexityReference,
    perplexity = perplexity,
    perplexityChange = perplexityChange.toPublic(),
)

private fun FfiRepetition.toPublic(): Repetition =
    Repetition(chains.toCount(), tokens.toCount(), loopedChains.toCount(), repeated4grams)

private fun FfiTasks.toPublic(): Tasks = Tasks(
    baseline = baseline,
    all = all.toPublic(),
    byTask = byTask.map { it.toPublic() },
    broken = broken.toCount(),
    repaired = repaired.toCount(),
    mcnemarP = mcnemarP,
    lengthRatio = lengthRatio,
)

private fun FfiNamedTaskScore.toPublic(): NamedTaskScore = NamedTaskScore(task, score.toPublic())

private fun FfiTaskScore.toPublic(): TaskScore =
    TaskScore(problems.toCount(), exactMatch.toPublic(), baselineExactMatch, stepAccuracy, baselineStepAccuracy)

private fun FfiGate.toPublic(): Gate = Gate(name, meanKlLimit, sameTopLimit, broken)

internal fun FfiNotUsedReason.toPublic(): NotUsedReason = when (this) {
    FfiNotUsedReason.NOT_IN_THIS_BUILD -> NotUsedReason.NOT_IN_THIS_BUILD
    FfiNotUsedReason.NO_VARIANT -> NotUsedReason.NO_VARIANT
    FfiNotUsedReason.NOT_REQUESTED -> NotUsedReason.NOT_REQUESTED
    FfiNotUsedReason.UNPROVEN -> NotUsedReason.UNPROVEN
    FfiNotUsedReason.LIBRARY_MISSING -> NotUsedReason.LIBRARY_MISSING
    FfiNotUsedReason.LIBRARY_REFUSED -> NotUsedReason.LIBRARY_REFUSED
    FfiNotUsedReason.NO_DEVICE -> NotUsedReason.NO_DEVICE
    FfiNotUsedReason.SIMULATOR_ONLY -> NotUsedReason.SIMULATOR_ONLY
    FfiNotUsedReason.NO_MATCHING_BINARY -> NotUsedReason.NO_MATCHING_BINARY
    FfiNotUsedReason.COMPILING -> NotUsedReason.COMPILING
    FfiNotUsedReason.COMPILE_FAILED -> NotUsedReason.COMPILE_FAILED
    FfiNotUsedReason.DAMAGED -> NotUsedReason.DAMAGED
    FfiNotUsedReason.CRASHED_BEFORE -> NotUsedReason.CRASHED_BEFORE
    FfiNotUsedReason.BEING_TRIED -> NotUsedReason.BEING_TRIED
    FfiNotUsedReason.SELF_CHECK_FAILED -> NotUsedReason.SELF_CHECK_FAILED
    FfiNotUsedReason.RUN_FAILED -> NotUsedReason.RUN_FAILED
    FfiNotUsedReason.SESSION_FAILED -> NotUsedReason.SESSION_FAILED
    FfiNotUsedReason.RUNTIME_TOO_OLD -> NotUsedReason.RUNTIME_TOO_OLD
    FfiNotUsedReason.TOOK_NO_NODES -> NotUsedReason.TOOK_NO_NODES
}

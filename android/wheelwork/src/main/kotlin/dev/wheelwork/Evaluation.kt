package dev.wheelwork

/**
 * How far a variant of a package is from the checkpoint in float32, over the whole vocabulary, in nats. A value.
 *
 * @property variant The variant.
 * @property producer Name and version of the program that measured.
 * @property reference The checkpoint folder's name.
 * @property kvCache Which cache the package ran with.
 * @property threads Threads of ONNX Runtime's pool.
 * @property runtime What ONNX Runtime said of its build.
 * @property text `built-in`, or the name of the text's file.
 * @property divergence Logits against those of the checkpoint.
 * @property repetition How much the package repeats itself.
 * @property tasks Problems with known answers; null where there were none.
 * @property gate The limits and what broke them.
 */
@ConsistentCopyVisibility
public data class Evaluation internal constructor(
    public val variant: String,
    public val producer: String,
    public val reference: String,
    public val kvCache: KvForm,
    public val threads: Int,
    public val runtime: String,
    public val text: String,
    public val divergence: Divergence,
    public val repetition: Repetition,
    public val tasks: Tasks?,
    public val gate: Gate,
)

/**
 * A mean with its standard error, which takes the samples as independent. A value.
 *
 * @property value The mean.
 * @property standardError Its standard error.
 */
@ConsistentCopyVisibility
public data class Estimate internal constructor(public val value: Double, public val standardError: Double)

/**
 * Logits of the package against those of the checkpoint, position by position. A value.
 *
 * @property positions Positions compared.
 * @property meanKl Kullback-Leibler divergence of the package from the checkpoint.
 * @property medianKl Half of the positions diverge by no more than this.
 * @property p99Kl 99 of 100 positions diverge by no more than this.
 * @property maxKl The worst position.
 * @property sameTop Share of positions with the same best token, 0 to 1.
 * @property rmsDeltaP Root mean square of the change in the probability of the text's next token, 0 to 1.
 * @property perplexityReference Of the checkpoint on the text.
 * @property perplexity Of the package on the text.
 * @property perplexityChange The package's less the checkpoint's.
 */
@ConsistentCopyVisibility
public data class Divergence internal constructor(
    public val positions: Int,
    public val meanKl: Estimate,
    public val medianKl: Double,
    public val p99Kl: Double,
    public val maxKl: Double,
    public val sameTop: Estimate,
    public val rmsDeltaP: Double,
    public val perplexityReference: Double,
    public val perplexity: Double,
    public val perplexityChange: Estimate,
)

/**
 * How much a model repeats itself. A value.
 *
 * @property chains Chains generated.
 * @property tokens Tokens in them.
 * @property loopedChains Chains that never ended and whose last tokens are one piece over and over.
 * @property repeated4grams Share of four tokens in a row that the chain had already, 0 to 1.
 */
@ConsistentCopyVisibility
public data class Repetition internal constructor(
    public val chains: Int,
    public val tokens: Int,
    public val loopedChains: Int,
    public val repeated4grams: Double,
)

/**
 * Problems with known answers, answered greedily by the package and by a baseline. A value.
 *
 * @property baseline What the package is compared with.
 * @property all All problems.
 * @property byTask By the kind of problem, where they have kinds.
 * @property broken Right in the baseline, wrong in the package.
 * @property repaired Wrong in the baseline, right in the package.
 * @property mcnemarP How likely flips at least as one-sided are if neither is better: McNemar's exact test, two-sided.
 * @property lengthRatio Tokens of all answers, reasoning included, over those of the baseline.
 */
@ConsistentCopyVisibility
public data class Tasks internal constructor(
    public val baseline: String,
    public val all: TaskScore,
    public val byTask: List<NamedTaskScore>,
    public val broken: Int,
    public val repaired: Int,
    public val mcnemarP: Double,
    public val lengthRatio: Double,
)

/**
 * How many problems of a kind are right. A value.
 *
 * @property task The kind.
 * @property score How many are right.
 */
@ConsistentCopyVisibility
public data class NamedTaskScore internal constructor(public val task: String, public val score: TaskScore)

/**
 * How many of some problems are right. A value.
 *
 * @property problems Problems asked.
 * @property exactMatch Answered exactly by the package, 0 to 1.
 * @property baselineExactMatch Answered exactly by the baseline, 0 to 1.
 * @property stepAccuracy Share of the expected reasoning steps that stand in their place; null where no problem has steps.
 * @property baselineStepAccuracy The same of the baseline.
 */
@ConsistentCopyVisibility
public data class TaskScore internal constructor(
    public val problems: Int,
    public val exactMatch: Estimate,
    public val baselineExactMatch: Double,
    public val stepAccuracy: Double?,
    public val baselineStepAccuracy: Double?,
)

/**
 * Limits and what broke them. A value.
 *
 * @property name Where the limits come from: a recipe's name, or `custom`.
 * @property meanKlLimit The largest mean divergence, in nats.
 * @property sameTopLimit The smallest share of positions with the same best token, 0 to 1; null where there is no such limit.
 * @property broken Each broken limit in words, with its figure; empty for a pass.
 */
@ConsistentCopyVisibility
public data class Gate internal constructor(
    public val name: String,
    public val meanKlLimit: Double,
    public val sameTopLimit: Double?,
    public val broken: List<String>,
)

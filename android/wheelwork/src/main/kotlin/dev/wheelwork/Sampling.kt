package dev.wheelwork

/**
 * How a token is picked. A value: each call below gives another one that differs in that, and what no call named is the
 * model's own, as its authors advise.
 *
 * ```kotlin
 * sampling = Sampling.Model.temperature(0.6f).topP(0.95f).seed(7)
 * ```
 *
 * Values out of range are refused by the turn, with [ErrorCode.SAMPLING_OUT_OF_RANGE].
 */
public class Sampling private constructor(internal val chosen: Chosen) {
    /** Divides the logits; 0 is greedy. */
    public fun temperature(value: Float): Sampling = with { copy(temperature = value) }

    /** Keeps this many tokens; 0 keeps all. */
    public fun topK(value: Int): Sampling = with { copy(topK = value) }

    /** Keeps the fewest tokens that reach this probability. */
    public fun topP(value: Float): Sampling = with { copy(topP = value) }

    /** Keeps tokens with this share of the best one's probability. */
    public fun minP(value: Float): Sampling = with { copy(minP = value) }

    /** Makes tokens already seen less likely; 1 changes nothing. */
    public fun repetitionPenalty(value: Float): Sampling = with { copy(repetitionPenalty = value) }

    /** The same seed, prompt and machine give the same text; without one, it is drawn from the system. */
    public fun seed(value: Long): Sampling = with { copy(seed = value) }

    /** The choices that were made. */
    override fun toString(): String = "Sampling($chosen)"

    private fun with(change: Chosen.() -> Chosen) = Sampling(chosen.change())

    /** Null is the model's own. */
    internal data class Chosen(
        val temperature: Float? = null,
        val topK: Int? = null,
        val topP: Float? = null,
        val minP: Float? = null,
        val repetitionPenalty: Float? = null,
        val seed: Long? = null,
    )

    public companion object {
        /** As the model's authors advise. */
        @JvmField
        public val Model: Sampling = Sampling(Chosen())

        /** Always the likeliest token, so that the same prompt gets the same text. */
        @JvmField
        public val Greedy: Sampling = Model.temperature(0f)
    }
}

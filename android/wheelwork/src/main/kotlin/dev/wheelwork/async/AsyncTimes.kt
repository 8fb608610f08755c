@file:JvmName("Times")

package dev.wheelwork.async

import dev.wheelwork.Autosave
import dev.wheelwork.Event
import dev.wheelwork.Think
import dev.wheelwork.Timings
import java.time.Duration
import kotlin.time.toJavaDuration
import kotlin.time.toKotlinDuration

// Kotlin's durations, which Java cannot name, as Java's.

/** At most so long, since the first token; as [Think.budget]. */
public fun budget(time: Duration): Think = Think.budget(time.toKotlinDuration())

/** At most so many tokens and so long; as [Think.budget]. */
public fun budget(tokens: Int, time: Duration): Think = Think.budget(tokens, time.toKotlinDuration())

/** As the constructor of [Autosave]. */
public fun autosave(tokens: Int, time: Duration): Autosave = Autosave(tokens, time.toKotlinDuration())

/** As [Timings.prefill]. */
public fun prefill(timings: Timings): Duration = timings.prefill.toJavaDuration()

/** As [Timings.firstToken]. */
public fun firstToken(timings: Timings): Duration = timings.firstToken.toJavaDuration()

/** As [Timings.decode]. */
public fun decode(timings: Timings): Duration = timings.decode.toJavaDuration()

/** As [Timings.total]. */
public fun total(timings: Timings): Duration = timings.total.toJavaDuration()

/** As [Event.ReasoningEnded.elapsed]. */
public fun elapsed(event: Event.ReasoningEnded): Duration = event.elapsed.toJavaDuration()

/** As [Event.AnswerWasReasoning.elapsed]. */
public fun elapsed(event: Event.AnswerWasReasoning): Duration = event.elapsed.toJavaDuration()

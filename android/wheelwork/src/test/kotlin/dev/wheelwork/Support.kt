package dev.wheelwork

import dev.wheelwork.ffi.Probe
import java.io.File
import java.nio.file.Files
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.withTimeout

/** The shipped model, quantised by the command. */
internal val MODEL: File = File(System.getProperty("wheelwork.model"))

internal const val QUESTION = "478 + 256 = ?"

/** Greedy, so that the same question always gets the same text. */
internal val GREEDY: TurnOptions.() -> Unit = { sampling = Sampling.Greedy }

/**
 * Goes on for hundreds of tokens whatever the model wants: many more than the engine computes ahead of a reader. The form
 * leaves no choice, so that a prompt computed at once, whose logits round differently, gives the same text.
 */
internal val ENDLESS: TurnOptions.() -> Unit = {
    sampling = Sampling.Greedy
    onLoop = OnLoop.IGNORE
    output = Output.Regex("(734){100}")
}

/** Reasons for hundreds of tokens: nearly every token is as likely as any other. */
internal val WANDERING: TurnOptions.() -> Unit = {
    sampling = Sampling.Model.temperature(50f).topK(0).topP(1f).minP(0f).seed(1)
    onLoop = OnLoop.IGNORE
    maxTokens = 400
}

/** Runs a test with an open model. */
internal fun withEngine(test: suspend (Engine) -> Unit): Unit = withDeadline { Engine.open(MODEL).use { test(it) } }

/** Far more time than a test takes, so that only a hang ends it. */
internal fun withDeadline(test: suspend () -> Unit): Unit = runBlocking { withTimeout(120_000) { test() } }

/** As [withEngine], with one conversation. */
internal fun withChat(test: suspend (Engine, Chat) -> Unit): Unit =
    withEngine { engine -> engine.chat().use { test(engine, it) } }

/** A conversation that is counted, and panics at a token where that is wanted. */
internal fun Probe.chatOn(engine: Engine, panicAt: UInt? = null): Chat =
    translated { engine.adopt(chat(engine.open(), panicAt)) }

internal fun List<Event>.reasoning(): String = filterIsInstance<Event.ReasoningDelta>().joinToString("") { it.text }

internal fun List<Event>.answer(): String = filterIsInstance<Event.AnswerDelta>().joinToString("") { it.text }

internal fun List<Event>.finished(): Event.Finished = last() as Event.Finished

/** A folder for one test. */
internal inline fun withFolder(test: (File) -> Unit) {
    val folder = Files.createTempDirectory("wheelwork").toFile()
    try {
        test(folder)
    } finally {
        folder.deleteRecursively()
    }
}

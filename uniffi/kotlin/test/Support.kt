package dev.wheelwork

import java.nio.file.Files
import java.nio.file.Path
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.withTimeout

/** The shipped model, quantised by the command. */
internal val MODEL: String = System.getProperty("wheelwork.model")

internal const val QUESTION = "478 + 256 = ?"

/** Greedy, so that the same question always gets the same text. */
internal val GREEDY = Options(temperature = 0f)

/**
 * Goes on for hundreds of tokens whatever the model wants: many more than the engine computes ahead of a reader. The form
 * leaves no choice, so that a prompt computed at once, whose logits round differently, gives the same text.
 */
internal val ENDLESS = GREEDY.copy(onLoop = OnLoop.IGNORE, output = OutputFormat.Regex("(734){100}"))

/** Reasons for hundreds of tokens: nearly every token is as likely as any other. */
internal val WANDERING =
    Options(temperature = 50f, topK = 0u, topP = 1f, minP = 0f, seed = 1u, onLoop = OnLoop.IGNORE, maxTokens = 400u)

/** Runs a test with an open model; far more time than it takes, so that only a hang ends it. */
internal fun withEngine(test: suspend (Engine) -> Unit): Unit = runBlocking {
    withTimeout(120_000) { Engine.open(MODEL).use { test(it) } }
}

/** As [withEngine], with one conversation. */
internal fun withChat(test: suspend (Engine, Chat) -> Unit): Unit =
    withEngine { engine -> engine.chat().use { test(engine, it) } }

/** A conversation that is counted, and panics at a token where that is wanted. */
internal fun Probe.chatOn(engine: Engine, panicAt: UInt? = null): Chat =
    translated { Chat(chat(engine.handle(), panicAt)) }

internal fun List<Event>.reasoning(): String = filterIsInstance<Event.ReasoningDelta>().joinToString("") { it.text }

internal fun List<Event>.answer(): String = filterIsInstance<Event.AnswerDelta>().joinToString("") { it.text }

internal fun List<Event>.finished(): Event.Finished = last() as Event.Finished

/** A folder for one test. */
internal inline fun withFolder(test: (Path) -> Unit) {
    val folder = Files.createTempDirectory("wheelwork")
    try {
        test(folder)
    } finally {
        folder.toFile().deleteRecursively()
    }
}

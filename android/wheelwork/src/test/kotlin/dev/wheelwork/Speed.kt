package dev.wheelwork

import java.io.File
import kotlin.time.Duration
import kotlin.time.DurationUnit
import kotlin.time.TimeSource
import kotlinx.coroutines.CompletableDeferred
import kotlinx.coroutines.cancelAndJoin
import kotlinx.coroutines.coroutineScope
import kotlinx.coroutines.launch
import kotlinx.coroutines.runBlocking

/**
 * What `cargo xtask kotlin --bench` measures: each line of stdin asks for a figure, which is a line of stdout.
 *
 * `turn`: tokens, and seconds from the first event to the last, as a collector sees them; `uniffi/examples/speed.rs` asks the
 * same in Rust. `cancel`: seconds from the cancel of an opening's job to its end.
 */
internal object Speed {
    @JvmStatic
    fun main(arguments: Array<String>): Unit = runBlocking {
        val model = File(arguments.single())
        Engine.open(model).use { engine ->
            for (wanted in generateSequence(::readLine)) {
                when (wanted) {
                    "turn" -> println(turn(engine))
                    "cancel" -> println(cancelled(model).toDouble(DurationUnit.SECONDS))
                    else -> error("there is no figure `$wanted`")
                }
            }
        }
    }

    private suspend fun turn(engine: Engine): String = engine.chat().use { chat ->
        var start = TimeSource.Monotonic.markNow()
        var said = ""
        chat.ask(QUESTION, ENDLESS).collect { event ->
            if (event is Event.Started) start = TimeSource.Monotonic.markNow()
            if (event is Event.Finished) {
                said = "${event.tokenIds.size} ${start.elapsedNow().toDouble(DurationUnit.SECONDS)}"
            }
        }
        said
    }

    private suspend fun cancelled(model: File): Duration = coroutineScope {
        val isLoading = CompletableDeferred<Unit>()
        val opening = launch {
            Engine.open(model) { onStep = { if (it is OpenStep.Load) isLoading.complete(Unit) } }.close()
        }
        isLoading.await()
        val start = TimeSource.Monotonic.markNow()
        opening.cancelAndJoin()
        start.elapsedNow()
    }
}

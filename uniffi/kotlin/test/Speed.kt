package dev.wheelwork

import java.io.File
import kotlin.time.DurationUnit
import kotlin.time.TimeSource
import kotlinx.coroutines.runBlocking

/**
 * Tokens per second as a collector sees them: `cargo xtask kotlin --bench` runs this beside `uniffi/examples/speed.rs`, which asks
 * the same. Writes a line a turn: tokens, seconds from the first event to the last.
 */
internal object Speed {
    @JvmStatic
    fun main(arguments: Array<String>): Unit = runBlocking {
        val (model, turns) = arguments
        Engine.open(File(model)).use { engine ->
            repeat(turns.toInt()) {
                engine.chat().use { chat ->
                    var start = TimeSource.Monotonic.markNow()
                    chat.ask(QUESTION, ENDLESS).collect { event ->
                        if (event is Event.Started) start = TimeSource.Monotonic.markNow()
                        if (event is Event.Finished) {
                            println("${event.tokenIds.size} ${start.elapsedNow().toDouble(DurationUnit.SECONDS)}")
                        }
                    }
                }
            }
        }
    }
}

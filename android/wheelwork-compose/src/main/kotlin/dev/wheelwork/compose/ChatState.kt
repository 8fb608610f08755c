package dev.wheelwork.compose

import androidx.compose.runtime.Stable
import androidx.compose.runtime.getValue
import androidx.compose.runtime.mutableStateListOf
import androidx.compose.runtime.mutableStateOf
import androidx.compose.runtime.setValue
import dev.wheelwork.Event
import dev.wheelwork.Role
import dev.wheelwork.Think
import dev.wheelwork.WheelworkException
import dev.wheelwork.android.Conversation
import dev.wheelwork.turnState
import kotlin.time.Duration
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.onEach
import kotlinx.coroutines.launch

/**
 * A conversation as a screen shows it. Its scope is that of the screen's model (`viewModelScope`): when that ends, the turn under
 * way is paused and stays to be resumed.
 */
@Stable
public class ChatState(private val scope: CoroutineScope, private val conversation: Conversation) {
    private val shown = mutableStateListOf<Exchange>()

    /** All so far, the oldest first. */
    public val exchanges: List<Exchange> get() = shown

    /** Whether a turn is under way, or the conversation is being read: nothing can be asked meanwhile. */
    public var isBusy: Boolean by mutableStateOf(false)
        private set

    /** Whether a turn is under way: what a foreground service is for. */
    public var isAnswering: Boolean by mutableStateOf(false)
        private set

    /** Whether [resume] has a turn to go on with. */
    public var isPaused: Boolean by mutableStateOf(false)
        private set

    /** What kept the conversation from being read; null where nothing did. */
    public var failure: WheelworkException? by mutableStateOf(null)
        private set

    /** Reads the conversation, and goes on with a turn that an earlier process left unfinished. Opens the model. */
    public fun restore() {
        if (isBusy || shown.isNotEmpty()) return
        run {
            var question = ""
            for (message in conversation.messages()) {
                when (message.role) {
                    Role.USER -> question = message.text
                    Role.ASSISTANT -> shown += Exchange(question, message.reasoning.orEmpty(), null, message.answer)
                    else -> {}
                }
            }
            if (conversation.hasUnfinishedTurn()) {
                shown += Exchange(question, isWaiting = true)
                follow(conversation.resume())
            }
        }
    }

    /** Asks; does nothing while it [isBusy]. */
    public fun ask(question: String, reasoningTokens: Int?) {
        if (isBusy || question.isBlank()) return
        shown += Exchange(question.trim(), isWaiting = true)
        run {
            follow(conversation.ask(question.trim()) { think = reasoningTokens?.let { Think.budget(it) } ?: Think.Auto })
        }
    }

    /** Goes on with the turn that was paused. */
    public fun resume() {
        if (isBusy || !isPaused) return
        run { follow(conversation.resume()) }
    }

    /** Ends the reasoning, so that the answer comes. */
    public fun answerNow() {
        conversation.answerNow()
    }

    /** Ends the turn. */
    public fun stop() {
        conversation.cancel()
    }

    private fun run(block: suspend () -> Unit) {
        isBusy = true
        failure = null
        scope.launch {
            try {
                block()
            } catch (refused: WheelworkException) {
                failure = refused
            } finally {
                isBusy = false
                isPaused = conversation.hasPausedTurn
            }
        }
    }

    private suspend fun follow(turn: Flow<Event>) {
        val place = shown.lastIndex
        var reasoned: Duration? = null
        isAnswering = true
        try {
            turn.onEach {
                if (it is Event.ReasoningEnded) reasoned = it.elapsed
                if (it is Event.AnswerWasReasoning) reasoned = it.elapsed
            }.turnState().collect { shown[place] = shown[place].with(it, reasoned) }
        } finally {
            isAnswering = false
        }
    }
}

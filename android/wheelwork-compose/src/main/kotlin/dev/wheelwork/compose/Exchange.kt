package dev.wheelwork.compose

import androidx.compose.animation.AnimatedVisibility
import androidx.compose.foundation.clickable
import androidx.compose.foundation.layout.Arrangement
import androidx.compose.foundation.layout.Column
import androidx.compose.foundation.layout.Row
import androidx.compose.foundation.layout.fillMaxWidth
import androidx.compose.foundation.layout.padding
import androidx.compose.foundation.text.selection.SelectionContainer
import androidx.compose.material3.LinearProgressIndicator
import androidx.compose.material3.MaterialTheme
import androidx.compose.material3.Surface
import androidx.compose.material3.Text
import androidx.compose.runtime.Composable
import androidx.compose.runtime.Immutable
import androidx.compose.runtime.getValue
import androidx.compose.runtime.mutableStateOf
import androidx.compose.runtime.saveable.rememberSaveable
import androidx.compose.runtime.setValue
import androidx.compose.ui.Alignment
import androidx.compose.ui.Modifier
import androidx.compose.ui.semantics.LiveRegionMode
import androidx.compose.ui.semantics.Role
import androidx.compose.ui.semantics.clearAndSetSemantics
import androidx.compose.ui.semantics.liveRegion
import androidx.compose.ui.semantics.semantics
import androidx.compose.ui.semantics.stateDescription
import androidx.compose.ui.unit.dp
import dev.wheelwork.FinishReason
import dev.wheelwork.TurnState
import dev.wheelwork.WheelworkException
import kotlin.time.Duration

/**
 * A question with what came of it so far. A value.
 *
 * @property question What was asked.
 * @property reasoning The reasoning.
 * @property reasoned How long it took; null before its end.
 * @property answer The answer, in Markdown.
 * @property isWaiting Whether nothing has come yet.
 * @property finish Why the turn ended; null before its end, and for one of an earlier process.
 * @property failure What ended it instead.
 */
@Immutable
public data class Exchange(
    public val question: String,
    public val reasoning: String = "",
    public val reasoned: Duration? = null,
    public val answer: String = "",
    public val isWaiting: Boolean = false,
    public val finish: FinishReason? = null,
    public val failure: WheelworkException? = null,
) {
    /** The same with more of its turn. */
    internal fun with(turn: TurnState, reasoned: Duration?): Exchange = copy(
        reasoning = turn.reasoning,
        reasoned = reasoned,
        answer = turn.answer,
        isWaiting = turn.phase == TurnState.Phase.WAITING || turn.phase == TurnState.Phase.READING,
        finish = turn.finished?.reason,
        failure = turn.failure,
    )
}

/** A question, its reasoning, which folds, and its answer in Markdown. TalkBack reads the answer as it grows. */
@Composable
public fun ExchangeView(exchange: Exchange, modifier: Modifier = Modifier) {
    Column(modifier.fillMaxWidth(), Arrangement.spacedBy(8.dp)) {
        Surface(
            Modifier.align(Alignment.End),
            shape = MaterialTheme.shapes.large,
            color = MaterialTheme.colorScheme.primaryContainer,
        ) {
            Text(exchange.question, Modifier.padding(horizontal = 16.dp, vertical = 10.dp))
        }
        if (exchange.reasoning.isNotBlank()) ReasoningView(exchange)
        if (exchange.isWaiting) LinearProgressIndicator(Modifier.fillMaxWidth())
        if (exchange.answer.isNotEmpty()) {
            SelectionContainer {
                Text(
                    markdown(exchange.answer.trim()),
                    Modifier.fillMaxWidth().semantics { liveRegion = LiveRegionMode.Polite },
                    style = MaterialTheme.typography.bodyLarge,
                )
            }
        }
        end(exchange)?.let { (text, isError) ->
            val color = if (isError) MaterialTheme.colorScheme.error else MaterialTheme.colorScheme.onSurfaceVariant
            Text(text, style = MaterialTheme.typography.labelMedium, color = color)
        }
    }
}

@Composable
private fun ReasoningView(exchange: Exchange) {
    var isOpen by rememberSaveable { mutableStateOf(false) }
    Surface(Modifier.fillMaxWidth(), shape = MaterialTheme.shapes.medium, color = MaterialTheme.colorScheme.surfaceVariant) {
        Column {
            val state = if (isOpen) "shown" else "hidden"
            Row(
                Modifier
                    .fillMaxWidth()
                    .clickable(role = Role.Button, onClickLabel = "show or hide the reasoning") { isOpen = !isOpen }
                    .semantics { stateDescription = state }
                    .padding(horizontal = 16.dp, vertical = 12.dp),
                Arrangement.SpaceBetween,
            ) {
                val took = when {
                    exchange.reasoned != null -> "Reasoned for ${exchange.reasoned.words()}"
                    exchange.finish == null && exchange.answer.isEmpty() -> "Reasoning …"
                    else -> "Reasoning"
                }
                Text(took, style = MaterialTheme.typography.labelLarge)
                // The state says it in words; a sign would be read out.
                Text(if (isOpen) "▴" else "▾", Modifier.clearAndSetSemantics {}, style = MaterialTheme.typography.labelLarge)
            }
            AnimatedVisibility(isOpen) {
                Text(
                    exchange.reasoning.trim(),
                    Modifier.padding(start = 16.dp, end = 16.dp, bottom = 12.dp),
                    style = MaterialTheme.typography.bodyMedium,
                )
            }
        }
    }
}

/** What is to be said of the end; null where nothing is. */
private fun end(exchange: Exchange): Pair<String, Boolean>? {
    exchange.failure?.let { return "${it.message}: ${it.remedy}" to true }
    return when (exchange.finish) {
        null, FinishReason.STOP -> null
        FinishReason.CANCELLED -> "Stopped" to false
        FinishReason.SUSPENDED -> "Paused" to false
        FinishReason.LENGTH -> "Cut at the limit of the answer" to false
        FinishReason.CONTEXT_FULL -> "Cut: the conversation is as long as the model can read" to false
        FinishReason.REPETITION -> "Ended: the model repeated itself" to false
    }
}

private fun Duration.words(): String = if (inWholeSeconds < 1) "less than a second" else "$inWholeSeconds s"

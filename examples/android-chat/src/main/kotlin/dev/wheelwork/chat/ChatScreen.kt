package dev.wheelwork.chat

import androidx.compose.foundation.layout.Arrangement
import androidx.compose.foundation.layout.Box
import androidx.compose.foundation.layout.Column
import androidx.compose.foundation.layout.PaddingValues
import androidx.compose.foundation.layout.Row
import androidx.compose.foundation.layout.fillMaxSize
import androidx.compose.foundation.layout.fillMaxWidth
import androidx.compose.foundation.layout.imePadding
import androidx.compose.foundation.layout.padding
import androidx.compose.foundation.layout.widthIn
import androidx.compose.foundation.lazy.LazyColumn
import androidx.compose.foundation.lazy.items
import androidx.compose.foundation.lazy.rememberLazyListState
import androidx.compose.material3.Button
import androidx.compose.material3.FilledTonalButton
import androidx.compose.material3.MaterialTheme
import androidx.compose.material3.OutlinedTextField
import androidx.compose.material3.Scaffold
import androidx.compose.material3.Slider
import androidx.compose.material3.Surface
import androidx.compose.material3.Text
import androidx.compose.runtime.Composable
import androidx.compose.runtime.Immutable
import androidx.compose.runtime.LaunchedEffect
import androidx.compose.runtime.getValue
import androidx.compose.runtime.mutableFloatStateOf
import androidx.compose.runtime.mutableStateOf
import androidx.compose.runtime.saveable.rememberSaveable
import androidx.compose.runtime.setValue
import androidx.compose.ui.Alignment
import androidx.compose.ui.Modifier
import androidx.compose.ui.semantics.contentDescription
import androidx.compose.ui.semantics.heading
import androidx.compose.ui.semantics.semantics
import androidx.compose.ui.semantics.stateDescription
import androidx.compose.ui.text.style.TextOverflow
import androidx.compose.ui.unit.dp
import dev.wheelwork.Placement
import dev.wheelwork.android.SavedConversation
import dev.wheelwork.compose.DeviceBadge
import dev.wheelwork.compose.Exchange
import dev.wheelwork.compose.ExchangeView

/** What the screen shows. */
@Immutable
internal data class Screen(
    val exchanges: List<Exchange>,
    val isBusy: Boolean,
    val isPaused: Boolean = false,
    val problem: String? = null,
    val placement: Placement? = null,
    val current: String = "",
    val saved: List<SavedConversation> = emptyList(),
)

/** What a person can do on it. */
@Immutable
internal data class Actions(
    val ask: (question: String, reasoningTokens: Int?) -> Unit = { _, _ -> },
    val answerNow: () -> Unit = {},
    val stop: () -> Unit = {},
    val resume: () -> Unit = {},
    val open: (name: String) -> Unit = {},
    val begin: () -> Unit = {},
    val delete: () -> Unit = {},
)

internal fun Stage.Talking.asScreen(): Screen = Screen(
    chat.exchanges, chat.isBusy, chat.isPaused, chat.failure?.let { "${it.message}: ${it.remedy}" }, placement, current, saved,
)

/** The conversation, on a phone as wide as it is and on a tablet as wide as is good to read. */
@Composable
internal fun ChatScreen(screen: Screen, actions: Actions) {
    Scaffold(topBar = { Title(screen, actions) }, bottomBar = { Question(screen, actions) }) { padding ->
        val list = rememberLazyListState()
        LaunchedEffect(screen.exchanges.size) {
            if (screen.exchanges.isNotEmpty()) list.animateScrollToItem(screen.exchanges.lastIndex)
        }
        LazyColumn(
            Modifier.fillMaxSize().padding(padding),
            list,
            PaddingValues(16.dp),
            verticalArrangement = Arrangement.spacedBy(24.dp),
            horizontalAlignment = Alignment.CenterHorizontally,
        ) {
            items(screen.exchanges) { ExchangeView(it, Modifier.widthIn(max = READABLE)) }
            screen.problem?.let { item { Text(it, color = MaterialTheme.colorScheme.error) } }
        }
    }
}

@Composable
private fun Title(screen: Screen, actions: Actions) {
    Surface(color = MaterialTheme.colorScheme.surfaceContainer) {
        Row(
            Modifier.fillMaxWidth().padding(horizontal = 16.dp, vertical = 8.dp),
            Arrangement.SpaceBetween,
            Alignment.CenterVertically,
        ) {
            Text(
                "Wheelwork",
                Modifier.weight(1f).semantics { heading() },
                overflow = TextOverflow.Ellipsis,
                maxLines = 1,
                style = MaterialTheme.typography.titleLarge,
            )
            Row(verticalAlignment = Alignment.CenterVertically) {
                screen.placement?.let { DeviceBadge(it) }
                Conversations(screen, actions)
            }
        }
    }
}

@Composable
private fun Question(screen: Screen, actions: Actions) {
    var text by rememberSaveable { mutableStateOf("") }
    var budget by rememberSaveable { mutableFloatStateOf(1f) }
    val tokens = if (budget >= 1f) null else (budget * MAX_REASONING).toInt()
    Surface(color = MaterialTheme.colorScheme.surfaceContainer) {
        Box(Modifier.fillMaxWidth().imePadding().padding(16.dp), Alignment.Center) {
            Column(Modifier.widthIn(max = READABLE), Arrangement.spacedBy(8.dp)) {
                val amount = tokens?.let { "up to $it tokens" } ?: "as long as it likes"
                Text("Reasoning: $amount", style = MaterialTheme.typography.labelLarge)
                Slider(
                    budget,
                    { budget = it },
                    Modifier.semantics {
                        contentDescription = "limit of the reasoning"
                        stateDescription = amount
                    },
                )
                OutlinedTextField(
                    text,
                    { text = it },
                    Modifier.fillMaxWidth(),
                    label = { Text("Ask") },
                    maxLines = 4,
                )
                Row(Modifier.fillMaxWidth(), Arrangement.spacedBy(8.dp, Alignment.End)) {
                    when {
                        screen.isBusy -> {
                            FilledTonalButton(actions.stop) { Text("Stop") }
                            Button(actions.answerNow) { Text("Answer now") }
                        }
                        screen.isPaused -> Button(actions.resume) { Text("Go on") }
                        else -> Button(
                            onClick = {
                                actions.ask(text, tokens)
                                text = ""
                            },
                            enabled = text.isNotBlank(),
                        ) { Text("Ask") }
                    }
                }
            }
        }
    }
}

private val READABLE = 640.dp
private const val MAX_REASONING = 4096

package dev.wheelwork.chat

import android.text.format.DateUtils
import androidx.compose.foundation.layout.Box
import androidx.compose.material3.DropdownMenu
import androidx.compose.material3.DropdownMenuItem
import androidx.compose.material3.HorizontalDivider
import androidx.compose.material3.MaterialTheme
import androidx.compose.material3.Text
import androidx.compose.material3.TextButton
import androidx.compose.runtime.Composable
import androidx.compose.runtime.getValue
import androidx.compose.runtime.mutableStateOf
import androidx.compose.runtime.saveable.rememberSaveable
import androidx.compose.runtime.setValue
import androidx.compose.ui.Modifier
import androidx.compose.ui.semantics.selected
import androidx.compose.ui.semantics.semantics
import dev.wheelwork.android.SavedConversation

/** The conversations that are kept, by when they were last held: their words are nowhere but in their encrypted files. */
@Composable
internal fun Conversations(screen: Screen, actions: Actions) {
    var isOpen by rememberSaveable { mutableStateOf(false) }
    Box {
        TextButton(onClick = { isOpen = true }) { Text("Chats") }
        DropdownMenu(isOpen, onDismissRequest = { isOpen = false }) {
            ConversationItems(screen, actions) { isOpen = false }
        }
    }
}

@Composable
internal fun ConversationItems(screen: Screen, actions: Actions, onDone: () -> Unit) {
    fun item(act: () -> Unit): () -> Unit = {
        onDone()
        act()
    }
    DropdownMenuItem({ Text("New chat") }, item(actions.begin))
    if (screen.saved.isNotEmpty()) HorizontalDivider()
    for (saved in screen.saved.take(MOST)) {
        val isCurrent = saved.name == screen.current
        DropdownMenuItem(
            text = { Text(if (isCurrent) "${saved.words()} (this one)" else saved.words()) },
            onClick = item { if (!isCurrent) actions.open(saved.name) },
            modifier = Modifier.semantics { selected = isCurrent },
        )
    }
    if (screen.exchanges.isNotEmpty()) {
        HorizontalDivider()
        DropdownMenuItem({ Text("Delete this chat", color = MaterialTheme.colorScheme.error) }, item(actions.delete))
    }
}

private fun SavedConversation.words(): String =
    DateUtils.getRelativeTimeSpanString(changedMillis, System.currentTimeMillis(), DateUtils.MINUTE_IN_MILLIS).toString()

private const val MOST = 20

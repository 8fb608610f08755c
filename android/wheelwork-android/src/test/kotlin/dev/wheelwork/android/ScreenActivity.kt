package dev.wheelwork.android

import android.os.Bundle
import androidx.activity.ComponentActivity
import androidx.lifecycle.Lifecycle
import androidx.lifecycle.lifecycleScope
import androidx.lifecycle.repeatOnLifecycle
import dev.wheelwork.Event
import dev.wheelwork.TurnState
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.onEach
import kotlinx.coroutines.launch

/** What a screen of an app does: shows a turn for as long as it is seen, and goes on with it afterwards. */
internal class ScreenActivity : ComponentActivity() {
    var state: TurnState = TurnState.Waiting
        private set

    override fun onCreate(savedInstanceState: Bundle?) {
        super.onCreate(savedInstanceState)
        lifecycleScope.launch {
            repeatOnLifecycle(Lifecycle.State.STARTED) {
                val conversation = conversation ?: return@repeatOnLifecycle
                val turn = if (conversation.hasUnfinishedTurn()) conversation.resume() else begin(conversation) ?: return@repeatOnLifecycle
                state = TurnState.Waiting
                turn.onEach { seen += it }.collect { state += it }
            }
        }
    }

    companion object {
        var conversation: Conversation? = null

        /** The question, once. */
        var begin: (Conversation) -> Flow<Event>? = { null }

        /** Events of all screens. */
        val seen = mutableListOf<Event>()
    }
}

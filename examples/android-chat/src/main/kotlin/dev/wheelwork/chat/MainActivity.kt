package dev.wheelwork.chat

import android.os.Bundle
import androidx.activity.ComponentActivity
import androidx.activity.compose.setContent
import androidx.activity.enableEdgeToEdge
import androidx.activity.viewModels
import androidx.compose.runtime.collectAsState
import androidx.compose.runtime.getValue
import androidx.lifecycle.viewmodel.initializer
import androidx.lifecycle.viewmodel.viewModelFactory

/** The one screen: a model is installed, its memory is told, then its conversation is held. */
public class MainActivity : ComponentActivity() {
    // Lifecycle's own factory keeps the first application that it sees, which in tests is another one's.
    private val model: ChatModel by viewModels { viewModelFactory { initializer { ChatModel(application) } } }

    override fun onCreate(savedInstanceState: Bundle?) {
        super.onCreate(savedInstanceState)
        enableEdgeToEdge()
        setContent {
            ChatTheme {
                val stage by model.stage.collectAsState()
                when (val now = stage) {
                    is Stage.Setup -> SetupScreen(now, onInstall = model::install, onCancel = model::cancel, onOpen = model::open)
                    is Stage.Talking -> ChatScreen(now.asScreen(), model.actions(now.chat))
                }
            }
        }
    }

    override fun onStart() {
        super.onStart()
        model.resume()
    }
}

package dev.wheelwork.chat

import android.os.Bundle
import androidx.activity.ComponentActivity
import androidx.activity.compose.setContent
import androidx.activity.enableEdgeToEdge
import androidx.activity.viewModels
import androidx.compose.runtime.collectAsState
import androidx.compose.runtime.getValue

/** The one screen: a model is installed, its memory is told, then its conversation is held. */
public class MainActivity : ComponentActivity() {
    private val model: ChatModel by viewModels()

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

package dev.wheelwork.chat

import android.app.Application
import android.net.Uri
import androidx.compose.runtime.snapshotFlow
import androidx.lifecycle.AndroidViewModel
import androidx.lifecycle.viewModelScope
import dev.wheelwork.Engine
import dev.wheelwork.MemoryPlan
import dev.wheelwork.Placement
import dev.wheelwork.SignaturePolicy
import dev.wheelwork.WheelworkException
import dev.wheelwork.android.InstallRequest
import dev.wheelwork.android.InstallState
import dev.wheelwork.android.Installs
import dev.wheelwork.android.LastExit
import dev.wheelwork.android.ModelHost
import dev.wheelwork.android.Readiness
import dev.wheelwork.android.SavedConversation
import dev.wheelwork.android.WheelworkAndroid
import dev.wheelwork.android.WheelworkAndroid.forAndroid
import dev.wheelwork.compose.ChatState
import java.io.File
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Job
import kotlinx.coroutines.SupervisorJob
import kotlinx.coroutines.flow.MutableStateFlow
import kotlinx.coroutines.flow.StateFlow
import kotlinx.coroutines.flow.asStateFlow
import kotlinx.coroutines.launch

/** What the app is at. */
internal sealed interface Stage {
    /** A model is looked for, installed or opened. */
    data class Setup(
        val install: InstallState = InstallState.None,
        val plan: MemoryPlan? = null,
        val isOpening: Boolean = false,
        val problem: String? = null,
        val notice: String? = null,
    ) : Stage

    /**
     * There is a conversation.
     *
     * @property saved All that are kept, this one too once it has begun.
     */
    data class Talking(
        val chat: ChatState,
        val placement: Placement,
        val current: String,
        val saved: List<SavedConversation>,
    ) : Stage
}

/** Outlives rotations; what it began outlives it. */
internal class ChatModel(application: Application) : AndroidViewModel(application) {
    private val shown = MutableStateFlow<Stage>(Stage.Setup())
    private var folder: File? = null

    /** Of the conversation that is shown: ending it pauses its turn. */
    private var talking: Job? = null

    val stage: StateFlow<Stage> = shown.asStateFlow()

    init {
        viewModelScope.launch { setUp() }
    }

    fun install(document: Uri) {
        // A real app signs its packages and gives its key here.
        val request = InstallRequest.document(document).apply { policy = SignaturePolicy.WARN }
        Installs.resume(getApplication(), INSTALLATION, request)
    }

    fun cancel() {
        Installs.cancel(getApplication(), INSTALLATION)
    }

    fun open() {
        val folder = folder ?: return
        change { copy(isOpening = true, problem = null) }
        viewModelScope.launch {
            try {
                val host = ModelHost.of(getApplication(), folder)
                // The last one goes on, after the death of the process, too.
                talk(host, host.engine().placement, host.saved().firstOrNull()?.name ?: newName())
            } catch (refused: WheelworkException) {
                change { copy(isOpening = false, problem = "${refused.message}: ${refused.remedy}") }
            }
        }
    }

    fun actions(chat: ChatState): Actions = Actions(
        chat::ask,
        chat::answerNow,
        chat::stop,
        chat::resume,
        open = { talkOf(it) },
        begin = { talkOf(newName()) },
        delete = ::delete,
    )

    private fun delete() {
        val now = shown.value as? Stage.Talking ?: return
        val host = ModelHost.of(getApplication(), folder ?: return)
        talking?.cancel()
        viewModelScope.launch {
            host.conversation(now.current).delete()
            talk(host, now.placement, newName())
        }
    }

    /** Shows a conversation, and pauses the turn of the one that was shown. */
    private fun talkOf(name: String) {
        val now = shown.value as? Stage.Talking ?: return
        talk(ModelHost.of(getApplication(), folder ?: return), now.placement, name)
    }

    private fun talk(host: ModelHost, placement: Placement, name: String) {
        talking?.cancel()
        val job = SupervisorJob(viewModelScope.coroutineContext[Job]).also { talking = it }
        val scope = CoroutineScope(viewModelScope.coroutineContext + job)
        val chat = ChatState(scope, host.conversation(name)).also { it.restore() }
        shown.value = Stage.Talking(chat, placement, name, host.saved())
        scope.launch {
            snapshotFlow { chat.isAnswering }.collect { isAnswering ->
                ReasoningService.keep(getApplication(), host, isAnswering)
                val now = shown.value
                if (now is Stage.Talking && now.chat === chat) shown.value = now.copy(saved = host.saved())
            }
        }
    }

    private fun newName(): String = "chat-${System.currentTimeMillis()}"

    /** What Android paused in the background goes on. */
    fun resume() {
        (shown.value as? Stage.Talking)?.chat?.resume()
    }

    private suspend fun setUp() {
        val readiness = WheelworkAndroid.readiness(getApplication())
        if (readiness is Readiness.Lacking) {
            change { copy(problem = "${readiness.what}: ${readiness.remedy}") }
            return
        }
        if (LastExit.read(getApplication()).firstOrNull()?.cause == LastExit.Cause.LOW_MEMORY) {
            change { copy(notice = "Android closed the app for want of memory. The conversation goes on where it was.") }
        }
        look()
        Installs.state(getApplication(), INSTALLATION).collect {
            change { copy(install = it) }
            if (it is InstallState.Installed) look()
        }
    }

    /** The installed model, and what it would take of the memory. */
    private suspend fun look() {
        val found = WheelworkAndroid.store(getApplication()).use { it.list() }.models.firstOrNull() ?: return
        folder = found.folder
        try {
            val plan = Engine.memoryPlan(found.folder) { forAndroid(getApplication()) }
            change { copy(plan = plan) }
        } catch (refused: WheelworkException) {
            change { copy(problem = "${refused.message}: ${refused.remedy}") }
        }
    }

    private fun change(change: Stage.Setup.() -> Stage.Setup) {
        val now = shown.value
        if (now is Stage.Setup) shown.value = now.change()
    }

    private companion object {
        const val INSTALLATION = "model"
    }
}

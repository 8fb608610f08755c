package dev.wheelwork.android

import android.content.ComponentCallbacks2
import android.content.Context
import android.content.res.Configuration
import androidx.lifecycle.DefaultLifecycleObserver
import androidx.lifecycle.Lifecycle
import androidx.lifecycle.LifecycleOwner
import androidx.lifecycle.ProcessLifecycleOwner
import dev.wheelwork.Engine
import dev.wheelwork.OpenOptions
import dev.wheelwork.OpenStep
import dev.wheelwork.Placement
import dev.wheelwork.WheelworkException
import dev.wheelwork.android.WheelworkAndroid.forAndroid
import java.io.File
import java.util.concurrent.ConcurrentHashMap
import java.util.concurrent.atomic.AtomicBoolean
import java.util.concurrent.atomic.AtomicInteger
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.NonCancellable
import kotlinx.coroutines.SupervisorJob
import kotlinx.coroutines.cancel
import kotlinx.coroutines.flow.MutableStateFlow
import kotlinx.coroutines.flow.StateFlow
import kotlinx.coroutines.flow.asStateFlow
import kotlinx.coroutines.launch
import kotlinx.coroutines.sync.Mutex
import kotlinx.coroutines.sync.withLock
import kotlinx.coroutines.withContext

/**
 * A model of this process, through everything that Android does to it: opened when it is first wanted, told how the phone is, its
 * turns paused in the background, saved and freed when memory runs short, and opened again with the next question.
 *
 * There is one a folder ([of]): screens that come and go, and a second tap, share it. Conversations are kept in encrypted files,
 * so that a process that was killed in the middle of its reasoning goes on with the same text ([Conversation.resume]). May be
 * used from any thread.
 */
public class ModelHost private constructor(
    private val context: Context,
    private val folder: File,
    private val configure: OpenOptions.() -> Unit,
) : AutoCloseable {
    private val scope = CoroutineScope(SupervisorJob() + Dispatchers.Default)

    /** Held while the engine or a conversation comes or goes. */
    private val lock = Mutex()
    private val conversations = ConcurrentHashMap<String, Conversation>()
    private val shown = MutableStateFlow<State>(State.Closed)
    private val holds = AtomicInteger()
    private var engine: Engine? = null

    /** How it stands. */
    public val state: StateFlow<State> get() = shown.asStateFlow()

    /** How a model stands. */
    public sealed interface State {
        /** Not open: the next question opens it. */
        public data object Closed : State

        /**
         * Being opened.
         *
         * @property step What is being done; null before the first.
         */
        public data class Opening(public val step: OpenStep?) : State

        /**
         * Open.
         *
         * @property placement Where it runs, and why not on a better device.
         */
        public data class Open(public val placement: Placement) : State

        /**
         * It could not be opened; the next question tries again.
         *
         * @property failure Why.
         */
        public data class Failed(public val failure: WheelworkException) : State
    }

    /**
     * A conversation of that name, kept in a file of the app's from its first question on; each call gives the same one. Takes no
     * time: its file is read with the first use.
     *
     * @param name letters, digits, `-` and `_`.
     */
    public fun conversation(name: String): Conversation {
        require(name.isNotEmpty() && name.all { it.isLetterOrDigit() || it in "-_" }) {
            "the conversation's name has ${name.length} characters, expected letters, digits, `-` and `_`"
        }
        return conversations.computeIfAbsent(name) {
            Conversation(this, context, File(WheelworkAndroid.sessionsDir(context), it + SavedConversation.SUFFIX))
        }
    }

    /**
     * The conversations of this app that have a file, the last changed first: those of other models, too. Opens none; reads a folder,
     * on the caller's thread. What was said in them is not told: it stands encrypted in the file.
     */
    public fun saved(): List<SavedConversation> = SavedConversation.list(context)

    /** The open engine, opened if need be; a caller that comes meanwhile waits for the same one. Errors: those of [Engine.open]. */
    public suspend fun engine(): Engine = lock.withLock { opened() }

    /** Pauses every turn within a token; [Conversation.resume] goes on with each. Returns at once. */
    public fun pause() {
        conversations.values.forEach { it.pause() }
    }

    /**
     * Pauses every turn, saves it, and gives the memory back; waits for all of that. What is asked next opens the model again.
     */
    public suspend fun free(): Unit = withContext(NonCancellable) {
        // Outside of the lock: an opening may hold it for seconds.
        pause()
        lock.withLock { freed() }
    }

    /**
     * Has turns go on while nobody sees the app, until the result is closed: for a foreground service. Memory pressure still
     * pauses them, and so does the end of the last hold while nobody sees the app.
     */
    public fun holdInBackground(): AutoCloseable {
        holds.incrementAndGet()
        val isOver = AtomicBoolean()
        return AutoCloseable {
            if (isOver.compareAndSet(false, true) && holds.decrementAndGet() == 0 && !isSeen()) pause()
        }
    }

    private fun isSeen(): Boolean = ProcessLifecycleOwner.get().lifecycle.currentState.isAtLeast(Lifecycle.State.STARTED)

    /** As [free], and for good: [of] makes another one. Returns at once. */
    override fun close() {
        HOSTS.remove(folder, this)
        context.unregisterComponentCallbacks(callbacks)
        CoroutineScope(Dispatchers.Main.immediate).launch { ProcessLifecycleOwner.get().lifecycle.removeObserver(observer) }
        pause()
        scope.launch {
            withContext(NonCancellable) { lock.withLock { freed() } }
            scope.cancel()
        }
    }

    /** Runs with what [lock] guards. */
    internal suspend fun <T> locked(block: suspend () -> T): T = lock.withLock { block() }

    /** In [locked]. */
    internal suspend fun opened(): Engine {
        engine?.let { return it }
        shown.value = State.Opening(null)
        NativeLibraries.load(context)
        try {
            val open = Engine.open(folder) {
                forAndroid(context)
                configure()
                val told = onStep
                onStep = {
                    shown.value = State.Opening(it)
                    told(it)
                }
            }
            shown.value = State.Open(open.placement)
            engine = open
            return open
        } catch (failure: WheelworkException) {
            shown.value = State.Failed(failure)
            throw failure
        } finally {
            if (shown.value is State.Opening) shown.value = State.Closed
        }
    }

    private suspend fun freed() {
        conversations.values.forEach { it.release() }
        engine?.closeAndJoin()
        engine = null
        shown.value = State.Closed
    }

    private val callbacks = object : ComponentCallbacks2 {
        override fun onTrimMemory(level: Int) {
            if (level in FREEING) scope.launch { free() }
        }

        @Deprecated("by Android, which still calls it")
        override fun onLowMemory() {
            scope.launch { free() }
        }

        override fun onConfigurationChanged(newConfig: Configuration) {}
    }

    private val observer = object : DefaultLifecycleObserver {
        override fun onStop(owner: LifecycleOwner) {
            if (holds.get() == 0) pause()
        }
    }

    private fun start() {
        context.registerComponentCallbacks(callbacks)
        scope.launch(Dispatchers.Main.immediate) { ProcessLifecycleOwner.get().lifecycle.addObserver(observer) }
        scope.launch { phoneConditions(context).collect { now -> lock.withLock { engine?.setConditions(now) } } }
    }

    public companion object {
        private val HOSTS = ConcurrentHashMap<File, ModelHost>()

        /**
         * The process's host of the model in a folder. The first call says how it is opened.
         *
         * @param configure follows [WheelworkAndroid.forAndroid] in the block of [Engine.open].
         */
        public fun of(context: Context, folder: File, configure: OpenOptions.() -> Unit = {}): ModelHost {
            val application = context.applicationContext
            var made: ModelHost? = null
            val host = HOSTS.computeIfAbsent(folder.canonicalFile) { ModelHost(application, it, configure).also { new -> made = new } }
            made?.start()
            return host
        }

        /** Levels by which Android asks for memory: it is about to end processes, ours among them. */
        @Suppress("DEPRECATION") // Android 13 and older still tell them.
        private val FREEING = setOf(
            ComponentCallbacks2.TRIM_MEMORY_RUNNING_CRITICAL,
            ComponentCallbacks2.TRIM_MEMORY_BACKGROUND,
            ComponentCallbacks2.TRIM_MEMORY_MODERATE,
            ComponentCallbacks2.TRIM_MEMORY_COMPLETE,
        )
    }
}

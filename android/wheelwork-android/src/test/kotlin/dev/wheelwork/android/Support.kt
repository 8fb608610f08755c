package dev.wheelwork.android

import android.app.ActivityManager
import android.content.ComponentCallbacks
import android.content.Context
import android.content.ContextWrapper
import android.os.Looper
import androidx.test.core.app.ApplicationProvider
import dev.wheelwork.Event
import dev.wheelwork.OnLoop
import dev.wheelwork.Output
import dev.wheelwork.Sampling
import dev.wheelwork.TurnOptions
import java.io.File
import kotlin.reflect.KClass
import kotlin.time.Duration
import kotlin.time.Duration.Companion.seconds
import kotlin.time.TimeSource
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.ExperimentalCoroutinesApi
import kotlinx.coroutines.SupervisorJob
import kotlinx.coroutines.async
import org.junit.Assert.fail
import org.robolectric.Shadows.shadowOf

/** The shipped model, quantised by the command. */
internal val MODEL = File(System.getProperty("wheelwork.model")!!)

/** The model of [MODEL] as a signed package, and the key. */
internal val PACKAGE = File(System.getProperty("wheelwork.packages")!!, "1.wwpkg")
internal val KEY = File(System.getProperty("wheelwork.packages")!!, "test.pub.pem")

internal const val QUESTION = "478 + 256 = ?"

/** Greedy, so that the same question always gets the same text. */
internal val GREEDY: TurnOptions.() -> Unit = { sampling = Sampling.Greedy }

/** Goes on for hundreds of tokens whatever the model wants, and says the same each time. */
internal val ENDLESS: TurnOptions.() -> Unit = {
    sampling = Sampling.Greedy
    onLoop = OnLoop.IGNORE
    output = Output.Regex("(734){100}")
}

internal val app: Context get() = ApplicationProvider.getApplicationContext()

/** The test's thread is the app's main thread: it runs what is posted to it while `block` runs on others. */
@OptIn(ExperimentalCoroutinesApi::class)
internal fun <T> running(block: suspend CoroutineScope.() -> T): T {
    val result = CoroutineScope(SupervisorJob() + Dispatchers.Default).async(block = block)
    until { result.isCompleted }
    return result.getCompleted()
}

/** Far more time than anything takes, so that only a hang ends it. */
internal fun until(atMost: Duration = 90.seconds, told: () -> Any = { "" }, holds: () -> Boolean) {
    val begun = TimeSource.Monotonic.markNow()
    while (!holds()) {
        shadowOf(Looper.getMainLooper()).idle()
        Thread.sleep(2)
        if (begun.elapsedNow() > atMost) fail("it did not come about within $atMost: ${told()}")
    }
}

/** Runs a test with a model, opened when it is first wanted. */
internal fun withHost(context: Context = app, test: suspend CoroutineScope.(ModelHost) -> Unit) {
    FakeKeystore.install()
    if (PhoneMemory.of(app).totalBytes == 0L) memory(total = 8L shl 30, available = 4L shl 30)
    val host = ModelHost.of(context, MODEL)
    try {
        running { test(host) }
    } finally {
        running { host.free() }
        host.close()
        until { host.state.value == ModelHost.State.Closed }
    }
}

/** Robolectric's phone has no memory unless it is told. */
internal fun memory(total: Long, available: Long, threshold: Long = 0) {
    val told = ActivityManager.MemoryInfo().apply {
        totalMem = total
        availMem = available
        this.threshold = threshold
    }
    shadowOf(app.service<ActivityManager>()).setMemoryInfo(told)
}

internal suspend fun <T : Throwable> failure(kind: KClass<T>, block: suspend () -> Any?): T {
    try {
        block()
    } catch (found: Throwable) {
        if (kind.isInstance(found)) {
            @Suppress("UNCHECKED_CAST")
            return found as T
        }
        throw found
    }
    fail("nothing failed, expected $kind")
    error("unreachable")
}

internal fun List<Event>.finished(): Event.Finished = last() as Event.Finished

internal fun List<Event>.text(): String = joinToString("") {
    when (it) {
        is Event.ReasoningDelta -> it.text
        is Event.AnswerDelta -> it.text
        else -> ""
    }
}

/** The same JVM again for the tests of a class, which see by the property `told` that they are in it. What it says is in `folder/log`. */
internal inline fun <reified T> anotherProcess(folder: File, told: String): Process {
    val program = File(System.getProperty("java.home")!!, "bin/java").path
    val own = java.lang.management.ManagementFactory.getRuntimeMXBean().inputArguments
    val arguments = listOf(program) + own + listOf("-D$told=$folder", "-cp", System.getProperty("java.class.path")!!) +
        listOf("dev.wheelwork.android.MainKt", T::class.java.name)
    return ProcessBuilder(arguments).redirectErrorStream(true).redirectOutput(File(folder, "log")).start()
}

/** The same app with its files in a folder that another process knows, too. */
internal class Placed(base: Context, private val folder: File) : ContextWrapper(base) {
    override fun getNoBackupFilesDir(): File = folder

    override fun getApplicationContext(): Context = this

    // A context asks its application context for these, which is itself here.
    override fun registerComponentCallbacks(callback: ComponentCallbacks?) {
        baseContext.registerComponentCallbacks(callback)
    }

    override fun unregisterComponentCallbacks(callback: ComponentCallbacks?) {
        baseContext.unregisterComponentCallbacks(callback)
    }
}

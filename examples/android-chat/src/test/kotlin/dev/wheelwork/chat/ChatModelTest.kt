package dev.wheelwork.chat

import android.util.Log
import androidx.lifecycle.Lifecycle
import androidx.lifecycle.ViewModelProvider
import androidx.test.core.app.ActivityScenario
import androidx.work.Configuration
import androidx.work.testing.WorkManagerTestInitHelper
import dev.wheelwork.Event
import dev.wheelwork.FinishReason
import dev.wheelwork.PackageSource
import dev.wheelwork.PublicKey
import dev.wheelwork.android.ENDLESS
import dev.wheelwork.android.FakeKeystore
import dev.wheelwork.android.Halves
import dev.wheelwork.android.InstallState
import dev.wheelwork.android.KEY
import dev.wheelwork.android.ModelHost
import dev.wheelwork.android.PACKAGE
import dev.wheelwork.android.QUESTION
import dev.wheelwork.android.WheelworkAndroid
import dev.wheelwork.android.app
import dev.wheelwork.android.finished
import dev.wheelwork.android.memory
import dev.wheelwork.android.running
import dev.wheelwork.android.until
import java.io.File
import java.util.concurrent.Executors
import java.util.concurrent.TimeUnit
import java.util.concurrent.atomic.AtomicBoolean
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Deferred
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.ExperimentalCoroutinesApi
import kotlinx.coroutines.async
import kotlinx.coroutines.flow.collect
import kotlinx.coroutines.flow.onEach
import kotlinx.coroutines.flow.toList
import org.junit.After
import org.junit.Assert.assertEquals
import org.junit.Assert.assertFalse
import org.junit.Assert.assertNotNull
import org.junit.Assert.assertNull
import org.junit.Assert.assertTrue
import org.junit.Before
import org.junit.Test
import org.junit.runner.RunWith
import org.robolectric.Robolectric
import org.robolectric.RobolectricTestRunner
import org.robolectric.Shadows.shadowOf
import org.robolectric.android.controller.ServiceController
import org.robolectric.shadows.ShadowBuild
import org.robolectric.shadows.ShadowLooper

/** The app behind its screens: its model and its service, with the library of Rust and the shipped model. */
@OptIn(ExperimentalCoroutinesApi::class)
@RunWith(RobolectricTestRunner::class)
class ChatModelTest {
    private val executor = Executors.newFixedThreadPool(2)

    @Before
    fun start() {
        FakeKeystore.install()
        ShadowBuild.setSupportedAbis(arrayOf("x86_64"))
        memory(total = 8L shl 30, available = 4L shl 30)
        val configuration = Configuration.Builder().setExecutor(executor).setMinimumLoggingLevel(Log.ERROR).build()
        WorkManagerTestInitHelper.initializeTestWorkManager(
            app, configuration, WorkManagerTestInitHelper.ExecutorsMode.PRESERVE_EXECUTORS,
        )
    }

    @After
    fun stop() {
        Halves.mayEnd = true
        WorkManagerTestInitHelper.closeWorkDatabase()
        executor.shutdown()
    }

    @Test
    fun conversations_are_kept_opened_again_and_deleted() = whenOpen { _, model, _ ->
        assertEquals(emptyList<String>(), model.kept())
        val first = model.asks("12 + 30 = ?")
        model.actions().begin()
        assertEquals(listOf(first), model.kept())
        assertTrue(model.talking().chat.exchanges.isEmpty())
        val second = model.asks(QUESTION)
        assertEquals(setOf(first, second), model.kept().toSet())

        model.actions().open(first)
        until { model.talking().chat.exchanges.isNotEmpty() && !model.talking().chat.isBusy }
        assertEquals(first, model.talking().current)
        assertEquals(listOf("12 + 30 = ?"), model.questions())

        model.actions().delete()
        until { model.talking().current !in setOf(first, second) }
        assertEquals(listOf(second), model.kept())
        assertTrue(model.talking().chat.exchanges.isEmpty())
    }

    @Test
    fun the_last_conversation_goes_on_in_the_next_process() {
        lateinit var before: String
        val folder = installed()
        inAProcess(folder) { _, model, _ -> before = model.asks(QUESTION) }
        inAProcess(folder) { _, model, _ ->
            until { model.talking().chat.exchanges.isNotEmpty() }
            assertEquals(before, model.talking().current)
            assertEquals(listOf(QUESTION), model.questions())
            val answer = model.talking().chat.exchanges.single().answer
            assertTrue(answer, "734" in answer)
        }
    }

    @Test
    fun an_installation_outlives_the_screen_that_began_it() {
        Halves.begin(mayEnd = false)
        ActivityScenario.launch(MainActivity::class.java).use { scenario ->
            scenario.model().install(Halves.DOCUMENT)
            until { Halves.sent }
            scenario.recreate()
            until(told = { scenario.model().stage.value }) { scenario.model().setup().install is InstallState.Running }
        }
        Halves.mayEnd = true
        ActivityScenario.launch(MainActivity::class.java).use { scenario ->
            val model = scenario.model()
            until(told = { model.stage.value }) { model.setup().install is InstallState.Installed && model.setup().plan != null }
        }
    }

    @Test
    fun a_turn_begins_a_service_and_ends_it() = whenOpen { _, model, _ ->
        until { !model.talking().chat.isBusy }
        // Nobody has to be told that a conversation is read.
        assertNull(shadowOf(application).peekNextStartedService())
        model.talking().chat.ask(QUESTION, null)
        val service = service()
        until { !model.talking().chat.isBusy && shadowOf(service.get()).isStoppedBySelf }
        assertEquals(listOf(QUESTION), model.questions())
        assertTrue("734" in model.talking().chat.exchanges.single().answer)
        service.destroy()
    }

    @Test
    fun a_turn_goes_on_behind_the_service_while_nobody_sees_the_app() = whenOpen { scenario, _, host ->
        ReasoningService.keep(application, host, isAnswering = true)
        val service = service()
        assertNotNull(shadowOf(service.get()).lastForegroundNotification)
        leave(scenario)
        val turn = begun(host)
        until { turn.isCompleted }
        assertFalse(turn.getCompleted().finished().reason == FinishReason.SUSPENDED)
        ReasoningService.keep(application, host, isAnswering = false)
        assertTrue(shadowOf(service.get()).isStoppedBySelf)
        service.destroy()
    }

    @Test
    fun a_service_whose_time_is_over_pauses_the_turn() = whenOpen { scenario, _, host ->
        ReasoningService.keep(application, host, isAnswering = true)
        val service = service()
        leave(scenario)
        val turn = begun(host)
        service.get().onTimeout(1, 0)
        assertTrue(shadowOf(service.get()).isStoppedBySelf)
        // Android does this behind `stopSelf`.
        service.destroy()
        until { turn.isCompleted }
        assertEquals(FinishReason.SUSPENDED, turn.getCompleted().finished().reason)
        assertTrue(running { host.conversation("long").hasUnfinishedTurn() })
    }

    private fun whenOpen(test: (ActivityScenario<MainActivity>, ChatModel, ModelHost) -> Unit) = inAProcess(installed(), test)

    /** The folder of a model. */
    private fun installed(): File = WheelworkAndroid.store(app, listOf(PublicKey.of(KEY.readText()))).use { store ->
        running {
            store.install(PackageSource.file(PACKAGE)).collect()
            store.list().models.single().folder
        }
    }

    /** The app's screen is seen, and its model open. */
    private fun inAProcess(folder: File, test: (ActivityScenario<MainActivity>, ChatModel, ModelHost) -> Unit) {
        val host = ModelHost.of(app, folder)
        ActivityScenario.launch(MainActivity::class.java).use { scenario ->
            val model = scenario.model()
            until(told = { model.stage.value }) { model.setup().plan != null }
            model.open()
            until(told = { model.stage.value }) { model.stage.value is Stage.Talking }
            test(scenario, model, host)
        }
        running { host.free() }
        host.close()
    }

    private fun ActivityScenario<MainActivity>.model(): ChatModel {
        lateinit var model: ChatModel
        onActivity { model = ViewModelProvider(it)[ChatModel::class.java] }
        return model
    }

    private fun ChatModel.setup(): Stage.Setup = stage.value as Stage.Setup

    private fun ChatModel.talking(): Stage.Talking = stage.value as Stage.Talking

    private fun ChatModel.actions(): Actions = actions(talking().chat)

    private fun ChatModel.kept(): List<String> = talking().saved.map { it.name }

    private fun ChatModel.questions(): List<String> = talking().chat.exchanges.map { it.question }

    /** Asks, and waits for the answer and for the list that names the conversation; its name. */
    private fun ChatModel.asks(question: String): String {
        until { !talking().chat.isBusy }
        talking().chat.ask(question, null)
        until { !talking().chat.isBusy && talking().current in kept() }
        return talking().current
    }

    /** The service that was asked for, begun as Android does it. */
    private fun service(): ServiceController<ReasoningService> {
        until { shadowOf(application).peekNextStartedService() != null }
        val asked = shadowOf(application).nextStartedService
        assertEquals(ReasoningService::class.java.name, asked.component?.className)
        return Robolectric.buildService(ReasoningService::class.java, asked).create().startCommand(0, 1)
    }

    /** A turn that is in its middle. */
    private fun begun(host: ModelHost): Deferred<List<Event>> {
        val hasBegun = AtomicBoolean()
        val turn = CoroutineScope(Dispatchers.Default).async {
            host.conversation("long").ask(QUESTION, ENDLESS).onEach { if (it is Event.Started) hasBegun.set(true) }.toList()
        }
        until { hasBegun.get() || turn.isCompleted }
        return turn
    }

    /** Android tells an app that nobody sees it some time after its last screen has gone. */
    private fun leave(scenario: ActivityScenario<MainActivity>) {
        scenario.moveToState(Lifecycle.State.CREATED)
        ShadowLooper.idleMainLooper(1, TimeUnit.SECONDS)
    }

    private val application get() = app as android.app.Application
}

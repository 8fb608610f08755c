package dev.wheelwork.android

import kotlin.system.exitProcess
import kotlin.time.TimeSource
import org.junit.runner.Description
import org.junit.runner.JUnitCore
import org.junit.runner.notification.Failure
import org.junit.runner.notification.RunListener

/** Runs the test classes that are named and tells each test as it ends. */
public fun main(classes: Array<String>) {
    val core = JUnitCore()
    core.addListener(Told)
    val result = core.run(*classes.map { Class.forName(it) }.toTypedArray())
    println("${result.runCount - result.failureCount} passed, ${result.failureCount} failed")
    // Threads of Android's may be left.
    exitProcess(if (result.wasSuccessful() && result.runCount > 0) 0 else 1)
}

private object Told : RunListener() {
    private var begun = TimeSource.Monotonic.markNow()
    private var hasFailed = false

    override fun testStarted(description: Description) {
        begun = TimeSource.Monotonic.markNow()
        hasFailed = false
    }

    override fun testFailure(failure: Failure) {
        hasFailed = true
        println("fail ${failure.description.displayName}\n${failure.trimmedTrace}")
    }

    override fun testFinished(description: Description) {
        if (!hasFailed) println("pass ${description.displayName} (${begun.elapsedNow().inWholeMilliseconds} ms)")
    }
}

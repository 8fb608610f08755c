package dev.wheelwork.chat

import android.net.Uri
import androidx.activity.compose.rememberLauncherForActivityResult
import androidx.activity.result.contract.ActivityResultContracts.OpenDocument
import androidx.compose.foundation.layout.Arrangement
import androidx.compose.foundation.layout.Box
import androidx.compose.foundation.layout.Column
import androidx.compose.foundation.layout.fillMaxSize
import androidx.compose.foundation.layout.fillMaxWidth
import androidx.compose.foundation.layout.padding
import androidx.compose.foundation.layout.widthIn
import androidx.compose.foundation.rememberScrollState
import androidx.compose.foundation.verticalScroll
import androidx.compose.material3.Button
import androidx.compose.material3.Card
import androidx.compose.material3.LinearProgressIndicator
import androidx.compose.material3.MaterialTheme
import androidx.compose.material3.OutlinedButton
import androidx.compose.material3.Scaffold
import androidx.compose.material3.Text
import androidx.compose.runtime.Composable
import androidx.compose.ui.Alignment
import androidx.compose.ui.Modifier
import androidx.compose.ui.semantics.heading
import androidx.compose.ui.semantics.semantics
import androidx.compose.ui.unit.dp
import dev.wheelwork.Fit
import dev.wheelwork.MemoryPlan
import dev.wheelwork.android.InstallState

/** A model is picked and installed; what it takes is told before it is opened. */
@Composable
internal fun SetupScreen(setup: Stage.Setup, onInstall: (Uri) -> Unit, onCancel: () -> Unit, onOpen: () -> Unit) {
    val picker = rememberLauncherForActivityResult(OpenDocument()) { picked -> picked?.let(onInstall) }
    SetupView(setup, onPick = { picker.launch(arrayOf("*/*")) }, onCancel = onCancel, onOpen = onOpen)
}

@Composable
internal fun SetupView(setup: Stage.Setup, onPick: () -> Unit, onCancel: () -> Unit, onOpen: () -> Unit) {
    Scaffold { padding ->
        Box(Modifier.fillMaxSize().padding(padding), Alignment.Center) {
            Column(
                Modifier.widthIn(max = 480.dp).verticalScroll(rememberScrollState()).padding(24.dp),
                Arrangement.spacedBy(16.dp),
            ) {
                Text("Wheelwork", Modifier.semantics { heading() }, style = MaterialTheme.typography.headlineMedium)
                Text("Reasoning that stays on this phone: nothing is sent anywhere.", style = MaterialTheme.typography.bodyLarge)
                setup.notice?.let { Card { Text(it, Modifier.padding(16.dp)) } }
                InstallView(setup.install, onPick, onCancel)
                setup.plan?.let { PlanView(it) }
                setup.problem?.let { Text(it, color = MaterialTheme.colorScheme.error) }
                if (setup.isOpening) {
                    LinearProgressIndicator(Modifier.fillMaxWidth())
                } else if (setup.plan != null) {
                    Button(onOpen, Modifier.fillMaxWidth(), enabled = setup.plan.fit != Fit.TOO_LARGE) { Text("Open the model") }
                }
            }
        }
    }
}

@Composable
private fun InstallView(state: InstallState, onPick: () -> Unit, onCancel: () -> Unit) {
    when (state) {
        is InstallState.Running -> {
            val share = if (state.totalBytes > 0) state.doneBytes.toFloat() / state.totalBytes else 0f
            Text("Installing: ${megabytes(state.doneBytes)} of ${megabytes(state.totalBytes)}")
            LinearProgressIndicator({ share }, Modifier.fillMaxWidth())
            OutlinedButton(onCancel) { Text("Cancel") }
        }
        is InstallState.Waiting -> {
            Text(if (state.hasBegun) "Paused: it goes on by itself, or pick the file again" else "Waiting …")
            OutlinedButton(onPick) { Text("Pick the file again") }
        }
        is InstallState.Installed -> Text("${state.model}, version ${state.version}, is installed")
        is InstallState.Failed -> {
            Text("${state.reason}: ${state.remedy}", color = MaterialTheme.colorScheme.error)
            OutlinedButton(onPick) { Text("Pick a model") }
        }
        InstallState.None, InstallState.Cancelled -> OutlinedButton(onPick) { Text("Pick a model") }
    }
}

@Composable
private fun PlanView(plan: MemoryPlan) {
    Card(Modifier.fillMaxWidth()) {
        Column(Modifier.padding(16.dp), Arrangement.spacedBy(4.dp)) {
            Text("Memory", style = MaterialTheme.typography.titleMedium)
            Text("needs ${megabytes(plan.needBytes)} for ${plan.contextTokens} tokens")
            plan.available?.let { Text("this phone can give ${megabytes(it.bytes)} now") }
            when (plan.fit) {
                Fit.FITS, Fit.UNKNOWN -> {}
                Fit.WEIGHTS_FROM_DISK -> Text("it fits, but will wait for the storage")
                Fit.TOO_LARGE -> Text("it does not fit", color = MaterialTheme.colorScheme.error)
            }
        }
    }
}

private fun megabytes(bytes: Long): String = "${(bytes + 500_000) / 1_000_000} MB"

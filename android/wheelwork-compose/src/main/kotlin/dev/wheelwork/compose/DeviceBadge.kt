package dev.wheelwork.compose

import androidx.compose.foundation.layout.Arrangement
import androidx.compose.foundation.layout.Column
import androidx.compose.foundation.rememberScrollState
import androidx.compose.foundation.verticalScroll
import androidx.compose.material3.AlertDialog
import androidx.compose.material3.AssistChip
import androidx.compose.material3.Text
import androidx.compose.material3.TextButton
import androidx.compose.runtime.Composable
import androidx.compose.runtime.getValue
import androidx.compose.runtime.mutableStateOf
import androidx.compose.runtime.saveable.rememberSaveable
import androidx.compose.runtime.setValue
import androidx.compose.ui.Modifier
import androidx.compose.ui.semantics.contentDescription
import androidx.compose.ui.semantics.semantics
import androidx.compose.ui.unit.dp
import dev.wheelwork.Placement

/** Where the model runs; a tap tells why not on a better device. */
@Composable
public fun DeviceBadge(placement: Placement, modifier: Modifier = Modifier) {
    var isOpen by rememberSaveable { mutableStateOf(false) }
    val device = placement.device.name
    AssistChip(
        onClick = { isOpen = true },
        label = { Text("$device · ${placement.threads} threads") },
        modifier = modifier.semantics { contentDescription = "runs on the $device, ${placement.threads} threads; tap for why" },
    )
    if (isOpen) {
        AlertDialog(
            onDismissRequest = { isOpen = false },
            confirmButton = { TextButton(onClick = { isOpen = false }) { Text("Close") } },
            title = { Text("The model runs on the $device") },
            text = {
                Column(Modifier.verticalScroll(rememberScrollState()), Arrangement.spacedBy(8.dp)) {
                    Text("Provider ${placement.provider}, variant ${placement.variant}, cache ${placement.kvCache.name.lowercase()}")
                    placement.notPrepared?.let { Text("Not prepared for this phone: $it") }
                    placement.notUsed.forEach { Text("Not on the ${it.device.name} (${it.provider}), because ${it.reason}") }
                }
            },
        )
    }
}

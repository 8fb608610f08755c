package dev.wheelwork.chat

import androidx.compose.foundation.isSystemInDarkTheme
import androidx.compose.material3.MaterialTheme
import androidx.compose.material3.darkColorScheme
import androidx.compose.material3.lightColorScheme
import androidx.compose.runtime.Composable
import androidx.compose.ui.graphics.Color

/** Light or dark, as the phone is. */
@Composable
internal fun ChatTheme(content: @Composable () -> Unit) {
    MaterialTheme(if (isSystemInDarkTheme()) DARK else LIGHT, content = content)
}

private val LIGHT = lightColorScheme(
    primary = Color(0xFF1F5C4B),
    primaryContainer = Color(0xFFCFEBDF),
    onPrimaryContainer = Color(0xFF00201A),
    surfaceVariant = Color(0xFFE7EFEA),
)

private val DARK = darkColorScheme(
    primary = Color(0xFF9BD3BF),
    primaryContainer = Color(0xFF1E4A3D),
    onPrimaryContainer = Color(0xFFCFEBDF),
    surfaceVariant = Color(0xFF2A322F),
)

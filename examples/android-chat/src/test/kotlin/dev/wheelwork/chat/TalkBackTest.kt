package dev.wheelwork.chat

import android.view.View
import android.view.ViewGroup
import androidx.compose.foundation.layout.Column
import androidx.compose.runtime.Composable
import androidx.compose.ui.node.RootForTest
import androidx.compose.ui.semantics.SemanticsActions
import androidx.compose.ui.semantics.SemanticsNode
import androidx.compose.ui.semantics.SemanticsProperties
import androidx.compose.ui.semantics.getOrNull
import dev.wheelwork.android.SavedConversation
import java.io.File
import org.junit.Assert.assertEquals
import org.junit.Assert.assertTrue
import org.junit.Test
import org.junit.runner.RunWith
import org.robolectric.RobolectricTestRunner

/** Screens as TalkBack reads them, beside texts that were read: Compose's merged tree, in its order. */
@RunWith(RobolectricTestRunner::class)
class TalkBackTest {
    @Test
    fun a_conversation() = reads("chat") { ChatScreen(TALK, Actions()) }

    @Test
    fun a_turn_under_way() = reads("chat-busy") { ChatScreen(BUSY, Actions()) }

    @Test
    fun an_installation() = reads("setup") { SetupView(INSTALLING, {}, {}, {}) }

    @Test
    fun the_list_of_conversations() = reads("chats") {
        val now = System.currentTimeMillis()
        val saved = listOf(SavedConversation("a", now - 60_000), SavedConversation("b", now - 7_200_000))
        Column { ConversationItems(TALK.copy(current = "a", saved = saved), Actions()) {} }
    }

    private fun reads(name: String, content: @Composable () -> Unit) {
        val controller = shown(content = content)
        val root = checkNotNull(root(controller.get().window.decorView)) { "there is nothing of Compose" }
        val nodes = root.semanticsOwner.rootSemanticsNode.below()
        val unlabelled = nodes.filter { SemanticsActions.OnClick in it.config && words(it).isEmpty() }
        assertTrue("a control without words: $unlabelled", unlabelled.isEmpty())
        val found = nodes.map { line(it) }.filter { it.isNotEmpty() }.joinToString("\n", postfix = "\n")
        controller.close()
        File(System.getProperty("wheelwork.drawn")!!, "$name.talkback.txt").writeText(found)
        val expected = File(System.getProperty("wheelwork.screens")!!, "$name.talkback.txt")
        assertEquals("read it, and copy it to $expected", if (expected.isFile) expected.readText() else "", found)
    }

    /** What TalkBack stops at: nodes that merged what stands in them. */
    private fun SemanticsNode.below(): List<SemanticsNode> = children.flatMap { listOf(it) + it.below() }

    private fun words(node: SemanticsNode): String {
        val config = node.config
        val described = config.getOrNull(SemanticsProperties.ContentDescription).orEmpty()
        val text = config.getOrNull(SemanticsProperties.Text).orEmpty().map { it.text }
        return (described + text).joinToString(", ").replace('\n', ' ')
    }

    private fun line(node: SemanticsNode): String {
        val config = node.config
        val said = listOfNotNull(
            words(node).ifEmpty { null },
            config.getOrNull(SemanticsProperties.StateDescription),
            config.getOrNull(SemanticsProperties.Role)?.toString()?.lowercase(),
            "heading".takeIf { SemanticsProperties.Heading in config },
            "read as it grows".takeIf { SemanticsProperties.LiveRegion in config },
            "text field".takeIf { SemanticsActions.SetText in config },
            "adjustable".takeIf { SemanticsActions.SetProgress in config },
            config.getOrNull(SemanticsProperties.ProgressBarRangeInfo)?.let { "${(it.current * 100).toInt()} percent" }
                .takeIf { SemanticsActions.SetProgress !in config },
            "selected".takeIf { config.getOrNull(SemanticsProperties.Selected) == true },
            "disabled".takeIf { SemanticsProperties.Disabled in config },
            config.getOrNull(SemanticsActions.OnClick)?.label?.let { "double tap to $it" },
        )
        return said.joinToString(" | ")
    }

    private fun root(view: View): RootForTest? {
        if (view is RootForTest) return view
        val group = view as? ViewGroup ?: return null
        return (0 until group.childCount).firstNotNullOfOrNull { root(group.getChildAt(it)) }
    }
}

package dev.wheelwork.compose

import androidx.compose.ui.text.AnnotatedString
import androidx.compose.ui.text.SpanStyle
import androidx.compose.ui.text.buildAnnotatedString
import androidx.compose.ui.text.font.FontFamily
import androidx.compose.ui.text.font.FontStyle
import androidx.compose.ui.text.font.FontWeight
import androidx.compose.ui.text.withStyle
import androidx.compose.ui.unit.em

/**
 * The Markdown that models write, as one text: headings, lists, code, bold and italic. What is unfinished, as the end of a stream
 * is, stands as it is; links and pictures do too, so nothing is ever loaded.
 */
public fun markdown(text: String): AnnotatedString = buildAnnotatedString {
    var isCode = false
    val lines = text.lines()
    for ((index, line) in lines.withIndex()) {
        if (line.trimStart().startsWith(FENCE)) {
            isCode = !isCode
            continue
        }
        if (isCode) withStyle(CODE) { append(line) } else line(line)
        if (index < lines.lastIndex) append('\n')
    }
}

private fun AnnotatedString.Builder.line(line: String) {
    val heading = line.takeWhile { it == '#' }.length
    val bullet = line.trimStart().let { it.startsWith("- ") || it.startsWith("* ") }
    when {
        heading in 1..HEADINGS && line.getOrNull(heading) == ' ' ->
            withStyle(SpanStyle(fontWeight = FontWeight.Bold, fontSize = 1.2.em)) { spans(line.drop(heading + 1)) }
        bullet -> {
            append(line.takeWhile { it == ' ' })
            append("• ")
            spans(line.trimStart().drop(2))
        }
        else -> spans(line)
    }
}

/** Signs that stand in pairs; the longer one first. */
private fun AnnotatedString.Builder.spans(text: String) {
    var rest = text
    while (rest.isNotEmpty()) {
        val (sign, style) = SPANS.filter { it.first in rest }.minByOrNull { rest.indexOf(it.first) } ?: break
        val start = rest.indexOf(sign)
        val end = rest.indexOf(sign, start + sign.length)
        val isPair = end > start + sign.length && !rest[start + sign.length].isWhitespace()
        append(rest.take(start))
        if (isPair) {
            withStyle(style) { append(rest.substring(start + sign.length, end)) }
            rest = rest.drop(end + sign.length)
        } else {
            append(sign)
            rest = rest.drop(start + sign.length)
        }
    }
    append(rest)
}

private const val FENCE = "```"
private const val HEADINGS = 6
private val CODE = SpanStyle(fontFamily = FontFamily.Monospace)
private val SPANS = listOf(
    "`" to CODE,
    "**" to SpanStyle(fontWeight = FontWeight.Bold),
    "*" to SpanStyle(fontStyle = FontStyle.Italic),
)

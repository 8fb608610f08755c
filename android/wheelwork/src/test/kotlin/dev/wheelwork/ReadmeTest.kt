package dev.wheelwork

import java.io.ByteArrayOutputStream
import java.io.PrintStream
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test

/** What the documentation shows. */
class ReadmeTest {
    @Test
    fun the_example_of_the_readme_answers() {
        val stdout = System.out
        val shown = ByteArrayOutputStream()
        System.setOut(PrintStream(shown, true))
        try {
            Class.forName("ExampleKt").getMethod("main", Array<String>::class.java).invoke(null, arrayOf(MODEL.path))
        } finally {
            System.setOut(stdout)
        }
        assertTrue(shown.toString().isNotBlank())
    }
}

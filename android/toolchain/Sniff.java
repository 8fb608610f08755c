import java.io.File;
import java.io.FileInputStream;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.TreeSet;
import org.codehaus.mojo.animal_sniffer.SignatureChecker;
import org.codehaus.mojo.animal_sniffer.logging.Logger;

/** Writes what classes use and an Android lacks to stdout: {@code java -cp ... Sniff.java SIGNATURE FOLDER...}. */
public final class Sniff {
    /** Of apps, not of Android. */
    private static final List<String> KNOWN =
        List.of("dev.wheelwork.*", "kotlin.*", "kotlinx.*", "androidx.*", "com.sun.jna.*", "org.jetbrains.*");

    public static void main(String[] arguments) throws Exception {
        var found = new Found();
        try (var names = new FileInputStream(arguments[0])) {
            var checker = new SignatureChecker(names, new HashSet<>(KNOWN), found);
            checker.setSourcePath(List.of());
            for (var folder : Arrays.asList(arguments).subList(1, arguments.length)) {
                found.root = folder + File.separator;
                checker.process(new File(folder));
            }
        }
        found.lines.forEach(System.out::println);
    }

    private static final class Found implements Logger {
        private final TreeSet<String> lines = new TreeSet<>();
        private String root = "";

        /** `FILE:LINE: Undefined reference: NAME` without the line, which moves with each change. */
        private void add(String message) {
            lines.add(message.replace(root, "").replaceFirst(":\\d+: ", ": ").replace(": Undefined reference: ", " uses "));
        }

        @Override public void info(String message) {}

        @Override public void info(String message, Throwable cause) {}

        @Override public void debug(String message) {}

        @Override public void debug(String message, Throwable cause) {}

        @Override public void warn(String message) {
            add(message);
        }

        @Override public void warn(String message, Throwable cause) {
            add(message);
        }

        @Override public void error(String message) {
            add(message);
        }

        @Override public void error(String message, Throwable cause) {
            add(message);
        }
    }
}

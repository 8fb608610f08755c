import java.io.File;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import org.jetbrains.kotlin.abi.tools.AbiFilters;
import org.jetbrains.kotlin.abi.tools.AbiTools;

/** Writes the binary API of a folder of classes to stdout: `java -cp ... Dump.java FOLDER`. */
public final class Dump {
    public static void main(String[] arguments) throws Exception {
        List<File> classes;
        try (var files = Files.walk(Path.of(arguments[0]))) {
            classes = files.filter(file -> file.toString().endsWith(".class"))
                .sorted(Comparator.naturalOrder())
                .map(Path::toFile)
                .collect(Collectors.toList());
        }
        var everything = new AbiFilters(Set.of(), Set.of(), Set.of(), Set.of());
        var text = new StringBuilder();
        AbiTools.Companion.getInstance(Dump.class.getClassLoader()).printJvmDump(text, classes, everything);
        System.out.print(text);
    }
}

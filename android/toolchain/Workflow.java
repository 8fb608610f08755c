import java.io.FileReader;
import java.io.Reader;
import java.util.List;
import java.util.Map;
import org.yaml.snakeyaml.Yaml;

/** The commands of a workflow: {@code java -cp snakeyaml.jar Workflow.java FILE}; fails where it is no workflow. */
public final class Workflow {
    public static void main(String[] arguments) throws Exception {
        try (Reader file = new FileReader(arguments[0])) {
            Map<String, Object> workflow = new Yaml().load(file);
            for (Object job : map(workflow.get("jobs")).values()) {
                for (Object step : (List<?>) map(job).get("steps")) {
                    tell(map(step).get("run"));
                    if (map(step).get("with") instanceof Map<?, ?> with) tell(with.get("script"));
                }
            }
        }
    }

    private static void tell(Object commands) {
        if (commands != null) System.out.println(commands);
    }

    @SuppressWarnings("unchecked")
    private static Map<String, Object> map(Object value) {
        return (Map<String, Object>) value;
    }
}

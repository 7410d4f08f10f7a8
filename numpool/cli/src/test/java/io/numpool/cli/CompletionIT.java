package io.numpool.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class CompletionIT {
    /** What bash does when TAB is pressed: the function that is registered for the command is called with the words so far. */
    private static final String TAB = """
            . "$1"
            shift
            COMP_WORDS=("$@")
            COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
            COMP_LINE="$*"
            COMP_POINT=${#COMP_LINE}
            COMP_TYPE=9
            complete -p numpool > /dev/null || exit 3
            function=$(complete -p numpool | sed 's/.*-F \\([^ ]*\\).*/\\1/')
            $function numpool "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}" 2> /dev/null
            printf '%s\\n' "${COMPREPLY[@]}"
            """;

    @TempDir
    private static Path shared;

    private NumpoolJar numpool;

    @BeforeEach
    void noDatabase() {
        numpool = new NumpoolJar(shared, Map.of());
    }

    private List<String> completed(String... words) throws Exception {
        var script = shared.resolve("completion");
        if (!Files.exists(script)) {
            Files.writeString(
                    script, numpool.run("completion", "bash").expect(0).out());
        }
        var line = new java.util.ArrayList<>(List.of("bash", "-c", TAB, "bash", script.toString(), "numpool"));
        line.addAll(List.of(words));
        var bash = new ProcessBuilder(line).redirectErrorStream(true).start();
        var answer = new String(bash.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertEquals(0, bash.waitFor(), answer);
        return answer.lines().map(String::strip).toList();
    }

    @ParameterizedTest
    @CsvSource({
        "sh, show",
        "wa, watch",
        "doc, doctor",
        "ev, evict",
        "comp, completion",
        "metadata s, set",
        "sessions ev, evict",
        "list --form, --format",
        "watch --int, --interval",
        "run --kill, --kill-after",
        "doctor --format j, json",
        "completion z, zsh"
    })
    void completesWhatStandsThere(String words, String expected) throws Exception {
        assertEquals(List.of(expected), completed(words.split(" ")));
    }

    @Test
    void offersEveryCommandAndNoneThatIsHidden() throws Exception {
        var offered = completed("");
        assertTrue(
                offered.containsAll(List.of("demo", "run", "list", "sessions", "doctor", "completion")),
                offered::toString);
        assertFalse(offered.contains("demo-worker"), offered::toString);
    }

    @Test
    void zshReadsTheSame() throws Exception {
        var script = numpool.run("completion", "zsh").expect(0);
        assertEquals(numpool.run("completion", "bash").expect(0).out(), script.out());
        assertTrue(script.out().contains("autoload -U +X bashcompinit && bashcompinit"), script::out);
    }

    @Test
    void refusesWhatItDoesNotKnow() throws Exception {
        numpool.run("completion").expectComplaint(2, "bash|zsh");
        numpool.run("completion", "tcsh").expectComplaint(2, "tcsh");
    }
}

package io.numpool.cli.internal.run;

import io.numpool.cli.internal.ExitCode;
import io.numpool.cli.internal.Failure;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;

/** Finds a program as execvp(3) does, so that what can't run is known before anybody waits for a slot. */
final class CommandLookup {
    private static final String DEFAULT_PATH = "/usr/local/bin:/usr/bin:/bin";

    private final String path;

    CommandLookup(Map<String, String> environment) {
        this.path = environment.getOrDefault("PATH", DEFAULT_PATH);
    }

    enum Finding {
        RUNNABLE,
        NOT_EXECUTABLE,
        ABSENT;

        boolean isRunnable() {
            return this == RUNNABLE;
        }
    }

    Finding find(String command) {
        if (command.contains("/")) {
            return judge(Path.of(command));
        }
        var best = Finding.ABSENT;
        for (var folder : path.split(":", -1)) {
            var finding = command.isEmpty() ? Finding.ABSENT : judge(Path.of(folder.isEmpty() ? "." : folder, command));
            if (finding.isRunnable()) {
                return finding;
            }
            best = finding.compareTo(best) < 0 ? finding : best;
        }
        return best;
    }

    void require(String command) {
        switch (find(command)) {
            case ABSENT -> throw new Failure(ExitCode.NOT_FOUND, command + ": command not found");
            case NOT_EXECUTABLE -> throw new Failure(ExitCode.NOT_EXECUTABLE, command + ": not executable");
            case RUNNABLE -> {}
        }
    }

    private static Finding judge(Path file) {
        if (!Files.exists(file)) {
            return Finding.ABSENT;
        }
        return Files.isRegularFile(file) && Files.isExecutable(file) ? Finding.RUNNABLE : Finding.NOT_EXECUTABLE;
    }
}

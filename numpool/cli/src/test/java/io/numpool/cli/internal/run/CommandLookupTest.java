package io.numpool.cli.internal.run;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.numpool.cli.internal.ExitCode;
import io.numpool.cli.internal.Failure;
import io.numpool.cli.internal.run.CommandLookup.Finding;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CommandLookupTest {
    @TempDir
    private Path folder;

    @Test
    void aProgramIsLookedForAlongThePath() {
        assertEquals(Finding.RUNNABLE, new CommandLookup(Map.of("PATH", "/nowhere:/bin")).find("sh"));
        assertEquals(Finding.ABSENT, new CommandLookup(Map.of("PATH", "/nowhere")).find("sh"));
        assertEquals(Finding.RUNNABLE, new CommandLookup(Map.of()).find("/bin/sh"));
    }

    @Test
    void aFileWithoutTheRightToExecuteAndAFolderAreNotExecutable() throws IOException {
        var file = Files.createFile(folder.resolve("plain"));
        var lookup = new CommandLookup(Map.of("PATH", folder.toString()));
        assertEquals(Finding.NOT_EXECUTABLE, lookup.find("plain"));
        assertEquals(Finding.NOT_EXECUTABLE, lookup.find(file.toString()));
        assertEquals(Finding.NOT_EXECUTABLE, lookup.find(folder.toString()));
    }

    @Test
    void whatCannotRunEndsWithTheExitCodesOfAShell() throws IOException {
        var file = Files.createFile(folder.resolve("plain"));
        assertEquals(
                ExitCode.NOT_FOUND,
                assertThrows(Failure.class, () -> Programs.require("no-such-program"))
                        .exitCode());
        assertEquals(
                ExitCode.NOT_FOUND,
                assertThrows(Failure.class, () -> Programs.require("")).exitCode());
        assertEquals(
                ExitCode.NOT_EXECUTABLE,
                assertThrows(Failure.class, () -> Programs.require(file.toString()))
                        .exitCode());
    }
}

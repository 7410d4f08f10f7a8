package io.numpool.cli.internal.command;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.numpool.cli.internal.ExitCode;
import io.numpool.cli.internal.Failure;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine;
import picocli.CommandLine.Command;

class CommandRunnerTest {
    private final PrintStream ownErr = System.err;
    private final PrintStream ownOut = System.out;
    private final ByteArrayOutputStream err = new ByteArrayOutputStream();
    private final ByteArrayOutputStream out = new ByteArrayOutputStream();

    @BeforeEach
    void listen() {
        System.setErr(new PrintStream(err, true, StandardCharsets.UTF_8));
        System.setOut(new PrintStream(out, true, StandardCharsets.UTF_8));
    }

    @AfterEach
    void listenNoMore() {
        System.setErr(ownErr);
        System.setOut(ownOut);
    }

    private int failWith(Exception failure) {
        var line = CommandRunner.commandLine();
        line.addSubcommand("fail", new Fail(failure));
        return line.execute("fail");
    }

    private void assertComplaint(String expected) {
        assertEquals("", out.toString(StandardCharsets.UTF_8));
        assertEquals(expected, err.toString(StandardCharsets.UTF_8));
    }

    @Test
    void aFailureIsOneLineAndItsExitCode() {
        assertEquals(ExitCode.TIMED_OUT, failWith(new Failure(ExitCode.TIMED_OUT, "no slot\n   in time\r\n")));
        assertComplaint("numpool: no slot in time\n");
    }

    @Test
    void aFailureThatNeedsNoWordsIsSilent() {
        assertEquals(130, failWith(new Failure(130, null)));
        assertComplaint("");
    }

    @Test
    void aValueThatALibraryRefusesIsWrongUsage() {
        assertEquals(ExitCode.USAGE, failWith(new IllegalArgumentException("capacity 0: 1 to 8192")));
        assertComplaint("numpool: capacity 0: 1 to 8192\n");
    }

    @Test
    void anythingElseIsADefectAndSaysWhere() {
        var defect = new IllegalStateException("first\nsecond");
        assertEquals(ExitCode.DEFECT, failWith(defect));
        assertComplaint("numpool: this is a defect, please report it: java.lang.IllegalStateException: first second at "
                + defect.getStackTrace()[0] + "\n");
    }

    @ParameterizedTest
    @ValueSource(strings = {"explode", "show", "list a b", "--format xml list", "resize p"})
    void wrongUsageIsOneLineThatNamesTheHelp(String line) {
        assertEquals(ExitCode.USAGE, CommandRunner.run(line.split(" ")));
        var complaint = err.toString(StandardCharsets.UTF_8);
        assertEquals(1, complaint.lines().count(), complaint);
        assertTrue(complaint.matches("numpool: .*; see numpool.* --help\n"), complaint);
        assertEquals("", out.toString(StandardCharsets.UTF_8));
    }

    @Test
    void everyCommandHasHelpAndADescription() {
        for (var command : commands(CommandRunner.commandLine())) {
            var spec = command.getCommandSpec();
            assertEquals(0, command.execute("--help"), spec::qualifiedName);
            assertTrue(
                    spec.usageMessage().hidden() || spec.usageMessage().description().length > 0, spec::qualifiedName);
        }
        assertEquals("", err.toString(StandardCharsets.UTF_8));
    }

    private static List<CommandLine> commands(CommandLine parent) {
        List<CommandLine> commands = new ArrayList<>(List.of(parent));
        parent.getSubcommands().values().forEach(child -> commands.addAll(commands(child)));
        return commands;
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "--url postgres://h/d --schema s --format json list",
                "list --url postgres://h/d --schema s --format json"
            })
    void whatAllCommandsUnderstandStandsBeforeOrAfterTheCommand(String line) {
        var commandLine = CommandRunner.commandLine();
        commandLine.parseArgs(line.split(" "));
        NumpoolCommand numpool = commandLine.getCommand();
        assertEquals("s", numpool.schema());
        assertEquals("jdbc:postgresql://h:5432/d", numpool.database().jdbcUrl());
        numpool.printer().print(List.of(), style -> "text");
        assertEquals("[ ]\n", out.toString(StandardCharsets.UTF_8));
    }

    @Test
    void theCommandOfRunKeepsItsOwnOptions() {
        var parsed = CommandRunner.commandLine().parseArgs("run", "--pool", "p", "ls", "--format", "long", "--", "-x");
        var run = parsed.subcommand();
        assertEquals(List.of("ls", "--format", "long", "--", "-x"), run.matchedPositionalValue(0, List.of()));
    }

    @Test
    void aLineOfListInJson() throws Exception {
        var json = io.numpool.cli.internal.output.Printer.json(new ListCommand.PoolLine("p", 3, 2, 1));
        var reader = new com.fasterxml.jackson.databind.ObjectMapper();
        assertEquals(
                reader.readTree("{\"id\": \"p\", \"capacity\": 3, \"held\": 2, \"waiting\": 1}"),
                reader.readTree(json));
    }

    @Command(name = "fail")
    private record Fail(Exception failure) implements Callable<Integer> {
        @Override
        public Integer call() throws Exception {
            throw failure;
        }
    }
}

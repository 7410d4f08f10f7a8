package io.numpool.cli;

import io.numpool.cli.internal.command.CommandRunner;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/** Whatever is wrong: exit code 2, nothing on stdout, one line on stderr that says what. In this JVM: there is much to get wrong. */
class WrongInputIT {
    private static final String TOO_LONG = "x".repeat(101);

    @BeforeAll
    static void aGuestWithoutRightsAndASchemaFromTheFuture() throws Exception {
        Stage.shared().execute("CREATE ROLE guest LOGIN PASSWORD 'guest'");
        Stage.shared().execute("CREATE SCHEMA future");
        Stage.shared().execute("CREATE TABLE future.pool_version (LIKE numpool.pool_version INCLUDING ALL)");
        Stage.shared().execute("INSERT INTO future.pool_version SELECT * FROM numpool.pool_version");
        Stage.shared().execute("INSERT INTO future.pool_version (version) VALUES (999)");
    }

    /** On the stage's database, unless the line names one. */
    private static Outcome run(String... line) {
        var arguments = Stream.of(line);
        if (!List.of(line).contains("--url")) {
            arguments = Stream.concat(Stream.of("--url", Stage.shared().url()), arguments);
        }
        var ownOut = System.out;
        var ownErr = System.err;
        var out = new ByteArrayOutputStream();
        var err = new ByteArrayOutputStream();
        System.setOut(new PrintStream(out, true, StandardCharsets.UTF_8));
        System.setErr(new PrintStream(err, true, StandardCharsets.UTF_8));
        try {
            var code = CommandRunner.run(arguments.toArray(String[]::new));
            return new Outcome(code, out.toString(StandardCharsets.UTF_8), err.toString(StandardCharsets.UTF_8));
        } finally {
            System.setOut(ownOut);
            System.setErr(ownErr);
        }
    }

    @ParameterizedTest
    @CsvSource({
        "'', Missing required subcommand",
        "explode, explode",
        "list --explode, --explode",
        "list --format xml, xml",
        "show, POOL",
        "create p, Name the number of slots",
        "create p two, two",
        "run --pool p, CMD",
        "run -- true, --pool",
        "run --pool p --timeout soon -- true, 'soon'' is not a duration'",
        "run --pool p --timeout -1s -- true, -1s",
        "run --pool p --timeout=-1s -- true, '-1s'' is not a duration'",
        "metadata set p {, is not JSON",
        "demo --workers 2 --slots 2, nobody would wait",
        "demo --seconds 0, --seconds 0",
        "list --url nonsense, --url is not a PostgreSQL URL",
        "list --url jdbc:mysql://localhost/x, --url is not a PostgreSQL URL"
    })
    void wrongUsage(String line, String fragment) throws Exception {
        run(line.isEmpty() ? new String[0] : line.split(" ")).expectComplaint(2, fragment);
    }

    static Stream<Arguments> wrongIdsAndSizes() {
        return Stream.of(
                Arguments.of("", "1", "0 characters"),
                Arguments.of(TOO_LONG, "1", "101 characters"),
                Arguments.of("p", "0", "capacity 0: 1 to 8192"),
                Arguments.of("p", "8193", "capacity 8193: 1 to 8192"));
    }

    @ParameterizedTest
    @MethodSource("wrongIdsAndSizes")
    void idsHave1To100CharactersAndPools1To8192Slots(String id, String capacity, String fragment) throws Exception {
        run("create", id, capacity).expectComplaint(2, fragment);
        run("run", "--pool", id, "--capacity", capacity, "--", "true").expectComplaint(2, fragment);
    }

    @Test
    void aPoolThatIsNotThere() throws Exception {
        run("show", "nowhere").expectComplaint(2, "there is no pool 'nowhere'");
        run("resize", "nowhere", "2").expectComplaint(2, "there is no pool 'nowhere'");
    }

    @Test
    void aPoolThatHasAnotherCapacity() throws Exception {
        run("create", "sized", "2").expect(0);
        run("create", "sized", "3").expectComplaint(2, "pool 'sized' has capacity 2, not 3");
        run("run", "--pool", "sized", "--capacity", "3", "--", "true")
                .expectComplaint(2, "pool 'sized' has capacity 2, not 3");
    }

    @Test
    void aWrongPassword() throws Exception {
        var url = "postgres://numpool:wrong@" + Stage.shared().place() + "/postgres";
        run("list", "--url", url).expectComplaint(2, "password authentication failed");
    }

    @Test
    void aDeadHost() throws Exception {
        var url = "postgres://127.0.0.1:1/postgres";
        run("list", "--url", url).expectComplaint(2, "Connection to 127.0.0.1:1 refused");
        run("migrate", "--url", url).expectComplaint(2, "Connection to 127.0.0.1:1 refused");
    }

    @Test
    void aSchemaThatIsMissing() throws Exception {
        run("list", "--schema", "nothere").expectComplaint(2, "schema 'nothere' is not there");
    }

    @Test
    void aSchemaThatIsNewer() throws Exception {
        run("--schema", "future", "list").expectComplaint(2, "schema 'future' has version 999");
    }

    @Test
    void noRightToMakeTheSchema() throws Exception {
        var url = "postgres://guest:guest@" + Stage.shared().place() + "/postgres";
        run("create", "p", "1", "--schema", "guests", "--url", url).expectComplaint(2, "permission denied");
        run("migrate", "--schema", "guests", "--url", url).expectComplaint(2, "permission denied");
    }
}

package io.numpool.db;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.numpool.db.Transcript.Step;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DisplayNameGeneration;
import org.junit.jupiter.api.DisplayNameGenerator;
import org.junit.jupiter.api.Test;
import org.postgresql.ds.PGSimpleDataSource;

/** What README.md says of the protocol is what the database does. */
@DisplayNameGeneration(DisplayNameGenerator.ReplaceUnderscores.class)
class ReadmeTest {
    /** Called by other functions alone. */
    private static final Set<String> INNER = Set.of(
            "require_read_committed",
            "require_primary",
            "commit_durably",
            "current_incarnation",
            "check_caller",
            "grant_waiting",
            "purge_pool",
            "mark_evicted",
            "first_ticket");

    private static final String OURS = " FROM pg_proc p WHERE p.pronamespace = 'numpool'::regnamespace";

    private static List<String> readme;

    @BeforeAll
    static void read() throws Exception {
        readme = Files.readAllLines(Path.of(System.getProperty("basedir", "."), "README.md"));
        Server.execute(Server.newDatabase(), "CREATE ROLE billing LOGIN");
    }

    @Test
    void the_psql_session_runs_as_shown_with_the_rights_shown() throws Exception {
        play(Transcript.of(readme, "psql"));
    }

    @Test
    void a_session_that_is_not_as_shown_is_noticed() throws Exception {
        var steps = new ArrayList<>(Transcript.of(readme, "psql").steps());
        var last = steps.remove(steps.size() - 1);
        assertTrue(last.answer().contains("(1 row)"), last.answer());
        steps.add(new Step(last.line(), last.command(), last.answer().replace("(1 row)", "(2 rows)")));

        assertThrows(AssertionError.class, () -> play(new Transcript(steps)));
    }

    @Test
    void every_function_is_there_with_its_arguments() throws Exception {
        var text = String.join(" ", readme).replaceAll("\\s+", " ");
        var arguments =
                "SELECT string_agg(a.name || ' ' || replace(format_type(a.type, NULL), 'numpool.', ''), ', ' ORDER BY a.place)"
                        + " FROM unnest(p.proargtypes::oid[], p.proargnames) WITH ORDINALITY a (type, name, place) WHERE a.type IS NOT NULL";
        for (var signature : strings("SELECT p.proname || '(' || coalesce((" + arguments + "), '') || ')'" + OURS)) {
            assertTrue(isInner(signature) || text.contains(signature), "README.md lacks " + signature);
        }
    }

    @Test
    void every_answer_is_there_by_its_name() throws Exception {
        var text = String.join(" ", readme);
        var answers = "SELECT DISTINCT a.name FROM pg_proc p, unnest(p.proargnames, p.proargmodes) a (name, mode)"
                + " WHERE p.pronamespace = 'numpool'::regnamespace AND p.proname <> 'grant_waiting' AND a.mode IN ('o', 't')";
        for (var name : strings(answers)) {
            assertTrue(text.contains("`" + name + "`"), "README.md lacks the answer " + name);
        }
    }

    @Test
    void every_table_and_every_column_of_a_view_is_there() throws Exception {
        var text = String.join(" ", readme);
        var names = strings(
                "SELECT c.relname::text FROM pg_class c WHERE c.relnamespace = 'numpool'::regnamespace AND c.relkind IN ('r', 'v')"
                        + " UNION SELECT a.attname FROM pg_attribute a WHERE a.attnum > 0 AND a.attrelid IN ('numpool.holding'::regclass, 'numpool.waiting'::regclass)");
        names.remove(Line.POOL.historyTable());
        for (var name : names) {
            assertTrue(text.contains("`" + name + "`"), "README.md lacks " + name);
        }
    }

    @Test
    void the_sqlstates_are_those_of_the_scripts() {
        var scripts =
                Migrations.of(Line.POOL).scripts().stream().map(Script::sql).collect(Collectors.joining());

        assertEquals(ownStates(scripts), ownStates(String.join(" ", readme)));
    }

    @Test
    void a_client_may_not_call_what_is_not_for_it() throws Exception {
        var database = installed();
        Server.execute(database, block("sql"));

        for (var inner : INNER) {
            assertFalse(mayCall(database, inner), inner);
        }
        assertTrue(mayCall(database, "exchange"));
    }

    private static void play(Transcript transcript) throws SQLException {
        var database = installed();
        Server.execute(database, block("sql"));
        try (var connection = Server.as("billing", database).getConnection()) {
            var psql = new Psql(connection);
            for (var step : transcript.steps()) {
                compare(step, psql.run(step.command()));
            }
        }
    }

    private static void compare(Step step, String printed) {
        // … stands for what differs from run to run
        var shown =
                Arrays.stream(step.answer().split("…", -1)).map(Pattern::quote).collect(Collectors.joining(".+?"));
        if (!printed.matches(shown)) {
            assertEquals(step.answer(), printed, "README.md, line " + step.line() + ": " + step.command());
        }
    }

    private static PGSimpleDataSource installed() throws SQLException {
        var database = Server.newDatabase();
        Migrations.of(Line.POOL).migrate(database, "numpool");
        return database;
    }

    private static String block(String language) {
        var first = readme.indexOf("```" + language) + 1;
        var rest = readme.subList(first, readme.size());
        return String.join("\n", rest.subList(0, rest.indexOf("```")));
    }

    private static boolean mayCall(PGSimpleDataSource database, String function) throws SQLException {
        var asked = "SELECT has_function_privilege('billing', p.oid, 'EXECUTE')::text" + OURS + " AND p.proname = '"
                + function + "'";
        return strings(database, asked).contains("true");
    }

    private static boolean isInner(String signature) {
        return INNER.contains(signature.substring(0, signature.indexOf('(')));
    }

    private static Set<String> ownStates(String text) {
        return Pattern.compile("\\bNP\\d{3}\\b")
                .matcher(text)
                .results()
                .map(found -> found.group())
                .collect(Collectors.toCollection(TreeSet::new));
    }

    private static List<String> strings(String query) throws SQLException {
        return strings(installed(), query);
    }

    private static List<String> strings(PGSimpleDataSource database, String query) throws SQLException {
        try (var connection = database.getConnection();
                var statement = connection.createStatement();
                var rows = statement.executeQuery(query)) {
            List<String> found = new ArrayList<>();
            while (rows.next()) {
                found.add(rows.getString(1));
            }
            assertFalse(found.isEmpty(), query);
            return found;
        }
    }
}

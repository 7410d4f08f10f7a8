package io.numpool.cli.internal.doctor;

import io.numpool.cli.internal.Failure;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/** What db/README.md promises, as far as tables and locks show whether it holds. The database itself looks: {@code inspect()}. */
record Promises(Patient patient) {
    /** P9, that all goes on when notifications are lost, leaves nothing to be seen. */
    private static final Map<String, String> PROMISES = Map.of(
            "P1", "a slot has at most one holder",
            "P2", "tokens only grow",
            "P3", "nobody is overtaken",
            "P4", "no slot is idle while somebody waits for it",
            "P5", "nothing leaks",
            "P6", "one request has one grant",
            "P7", "the dead keep nothing",
            "P8", "no transaction is open while a slot is held or waited for");

    List<Check> checks() throws SQLException {
        if (!patient.holds("to_regprocedure(?) IS NOT NULL", function())) {
            return List.of();
        }
        if (!patient.holds("has_function_privilege(?, 'EXECUTE')", function())) {
            throw Failure.usage("role " + patient.role() + " may not examine schema '" + patient.schema()
                    + "': GRANT EXECUTE ON FUNCTION " + function() + " TO " + patient.role());
        }
        var findings = patient.rows(
                "SELECT promise, pool_id, finding, advice FROM " + function(),
                row -> Map.entry(row.getString(1), new Finding(row.getString(2), row.getString(3), row.getString(4))));
        var found = findings.stream()
                .collect(Collectors.groupingBy(
                        Map.Entry::getKey, Collectors.mapping(Map.Entry::getValue, Collectors.toList())));
        List<Check> checks = new ArrayList<>();
        PROMISES.keySet().stream()
                .sorted()
                .forEach(promise ->
                        checks.add(Check.of(promise, PROMISES.get(promise), found.getOrDefault(promise, List.of()))));
        return checks;
    }

    private String function() throws SQLException {
        return patient.quotedSchema() + ".inspect()";
    }
}

package io.numpool.cli.internal.doctor;

import java.sql.Connection;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import javax.sql.DataSource;

/**
 * Looks at one schema and its surroundings, and changes nothing: it opens no session, since that would be a reaper, which clears up what is
 * to be found. All on one connection, in one read-only transaction and of one snapshot, so what is under way is not found.
 */
public record Doctor(String schema, Limits limits) {
    public Diagnosis examine(DataSource database) throws SQLException {
        try (var connection = database.getConnection()) {
            // not by setTransactionIsolation, which would set the default that is looked at
            connection.setAutoCommit(false);
            begin(connection);
            return examined(new Patient(connection, schema));
        }
    }

    private static void begin(Connection connection) throws SQLException {
        try (var statement = connection.createStatement()) {
            statement.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY");
        }
    }

    private Diagnosis examined(Patient patient) throws SQLException {
        var schemaChecks = new SchemaChecks(patient, limits);
        List<Check> checks = new ArrayList<>();
        var isThere = schemaChecks.isThere();
        if (isThere) {
            checks.addAll(new Promises(patient).checks());
        }
        checks.add(schemaChecks.version());
        if (isThere) {
            checks.add(schemaChecks.functions());
            checks.add(schemaChecks.tables());
        }
        checks.add(new VacuumHolders(patient, limits).check());
        checks.addAll(new ServerChecks(patient, limits).checks());
        return Diagnosis.of(schema, checks);
    }
}

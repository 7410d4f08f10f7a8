package io.numpool.cli.internal.doctor;

import io.numpool.db.Line;
import io.numpool.db.Migrations;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/** The schema itself: its version, its functions as they were made, and how vacuum keeps up with its tables. */
record SchemaChecks(Patient patient, Limits limits) {
    private static final String FUNCTIONS = """
            SELECT p.oid::regprocedure::text, p.proname, p.prosecdef, has_function_privilege('public', p.oid, 'EXECUTE'), p.proconfig
            FROM pg_proc p WHERE p.pronamespace = to_regnamespace(quote_ident(?)) AND p.proname = ANY (string_to_array(?, ','))
            ORDER BY 1""";
    private static final String TABLES = """
            SELECT c.oid::regclass::text, coalesce(s.n_dead_tup, 0), coalesce((
                     SELECT o.option_value::boolean FROM pg_options_to_table(c.reloptions) o WHERE o.option_name = 'autovacuum_enabled'), true)
            FROM pg_class c LEFT JOIN pg_stat_all_tables s ON s.relid = c.oid
            WHERE c.relnamespace = to_regnamespace(quote_ident(?)) AND c.relkind = 'r'
              AND c.relname IN ('pool_state', 'lease', 'waiter', 'session_beat')
            ORDER BY 1""";

    /** Whether there is anything to examine. */
    boolean isThere() {
        return installed() > 0;
    }

    Check version() {
        return version(patient.schema(), installed(), Migrations.of(Line.POOL).latestVersion());
    }

    /** @param installed 0 is none */
    static Check version(String schema, int installed, int latest) {
        var about = "schema '" + schema + "' " + (installed == 0 ? "is not there" : "has version " + installed);
        if (installed == latest) {
            return Check.of("schema", about, List.of());
        }
        var advice = installed < latest
                ? "numpool migrate --schema " + schema + ", with the same --url"
                : "Use a newer numpool";
        return Check.of("schema", about, List.of(Finding.of(about + ", this program knows version " + latest, advice)));
    }

    private int installed() {
        return Migrations.of(Line.POOL)
                .installedVersion(patient.connection(), patient.schema())
                .orElse(0);
    }

    Check functions() throws SQLException {
        var declared = DeclaredFunction.all();
        var names = declared.stream().map(DeclaredFunction::name).toList();
        var there = patient.rows(
                FUNCTIONS,
                row -> new InstalledFunction(
                        row.getString(1),
                        row.getString(2),
                        row.getBoolean(3),
                        row.getBoolean(4),
                        row.getArray(5) == null
                                ? List.of()
                                : List.of((String[]) row.getArray(5).getArray())),
                patient.schema(),
                String.join(",", names));
        List<Finding> findings = new ArrayList<>();
        for (var function : declared) {
            var same =
                    there.stream().filter(it -> it.name.equals(function.name())).toList();
            if (same.isEmpty()) {
                findings.add(Finding.of(
                        "function " + function.name() + " is not there",
                        "Somebody dropped it: take its text from the migrations"));
            }
            for (var it : same) {
                findings.addAll(it.findings(function.settings(), searchPath()));
            }
        }
        return Check.of("functions", there.size() + " functions, as they were made", findings);
    }

    private String searchPath() throws SQLException {
        return "search_path=pg_catalog, " + patient.quotedSchema() + ", pg_temp";
    }

    /** Dead rows cost little here, because keys change; but they fill the disk. */
    Check tables() throws SQLException {
        List<Finding> findings = new ArrayList<>();
        for (var setting : List.of("autovacuum", "track_counts")) {
            if (patient.setting(setting).equals("off")) {
                findings.add(Finding.of(
                        setting + " is off, so that nobody removes dead rows",
                        "ALTER SYSTEM SET " + setting + " = on; SELECT pg_reload_conf()"));
            }
        }
        patient.rows(TABLES, row -> new HotTable(row.getString(1), row.getLong(2), row.getBoolean(3)), patient.schema())
                .forEach(table -> findings.addAll(table.findings(limits.deadRows())));
        return Check.of("tables", "vacuum keeps up with them", findings);
    }

    private record InstalledFunction(
            String signature, String name, boolean asOwner, boolean isPublic, List<String> settings) {
        List<Finding> findings(List<String> declared, String searchPath) {
            List<Finding> findings = new ArrayList<>();
            if (!asOwner) {
                findings.add(altered("does not run with the rights of its owner", "SECURITY DEFINER"));
            }
            if (isPublic) {
                findings.add(Finding.of(
                        "function " + signature + " may be called by everybody",
                        "REVOKE ALL ON FUNCTION " + signature + " FROM PUBLIC"));
            }
            Set<String> wanted = new HashSet<>(declared);
            wanted.add(searchPath);
            settings.forEach(wanted::remove);
            wanted.stream()
                    .sorted()
                    .forEach(setting ->
                            findings.add(altered("has lost its setting " + setting, "SET " + assignment(setting))));
            return findings;
        }

        /** A search path is a list of names, all else one value. */
        private static String assignment(String setting) {
            var parts = setting.split("=", 2);
            return parts[0] + " = " + (parts[0].equals("search_path") ? parts[1] : "'" + parts[1] + "'");
        }

        private Finding altered(String what, String change) {
            return Finding.of("function " + signature + " " + what, "ALTER FUNCTION " + signature + " " + change);
        }
    }

    private record HotTable(String name, long deadRows, boolean autovacuum) {
        List<Finding> findings(long limit) {
            List<Finding> findings = new ArrayList<>();
            if (!autovacuum) {
                findings.add(Finding.of(
                        "autovacuum is off for " + name, "ALTER TABLE " + name + " RESET (autovacuum_enabled)"));
            }
            if (deadRows > limit) {
                findings.add(Finding.of(
                        name + " has " + deadRows + " dead rows",
                        "See what holds vacuum back (transactions, below); then VACUUM " + name));
            }
            return findings;
        }
    }
}

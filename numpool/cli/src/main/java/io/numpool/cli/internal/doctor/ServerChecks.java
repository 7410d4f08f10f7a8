package io.numpool.cli.internal.doctor;

import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** The server: what it is, and how it is set. */
record ServerChecks(Patient patient, Limits limits) {
    private static final int OLDEST_VERSION = 15;

    /** Of everybody, of this database, of a role, of a role in this database. */
    private static final String ISOLATIONS = """
            SELECT CASE WHEN s.setrole = 0 AND s.setdatabase = 0 THEN 'ROLE ALL'
                        WHEN s.setrole = 0 THEN 'DATABASE ' || quote_ident(current_database())
                        ELSE 'ROLE ' || s.setrole::regrole || CASE WHEN s.setdatabase = 0 THEN '' ELSE ' IN DATABASE ' || quote_ident(current_database()) END
                   END, split_part(c, '=', 2)
            FROM pg_db_role_setting s CROSS JOIN LATERAL unnest(s.setconfig) c
            WHERE s.setdatabase IN (0, (SELECT d.oid FROM pg_database d WHERE d.datname = current_database()))
              AND c LIKE 'default_transaction_isolation=%' AND lower(c) <> 'default_transaction_isolation=read committed'
            ORDER BY 1""";

    private static final String CONNECTIONS = """
            SELECT (SELECT sum(d.numbackends) FROM pg_stat_database d),
                   current_setting('max_connections')::integer - current_setting('superuser_reserved_connections')::integer
                   - coalesce(current_setting('reserved_connections', true), '0')::integer""";

    List<Check> checks() throws SQLException {
        return List.of(server(), durability(), isolation(), notifications(), connections());
    }

    private Check server() throws SQLException {
        return server(
                Integer.parseInt(patient.setting("server_version_num")),
                patient.setting("server_version"),
                patient.holds("pg_is_in_recovery()"));
    }

    static Check server(int number, String version, boolean standby) {
        List<Finding> findings = new ArrayList<>();
        if (number / 10_000 < OLDEST_VERSION) {
            findings.add(Finding.of(
                    "PostgreSQL " + version + " is older than what numpool is tested with",
                    "Upgrade to " + OLDEST_VERSION + " or newer"));
        }
        if (standby) {
            findings.add(Finding.of(
                    "the server is a standby: it can be read, and no slot can be had", "Name the primary, with --url"));
        }
        return Check.of("server", "PostgreSQL " + version, findings);
    }

    private Check durability() throws SQLException {
        List<Finding> findings = new ArrayList<>();
        for (var setting : List.of("fsync", "full_page_writes")) {
            if (patient.setting(setting).equals("off")) {
                findings.add(Finding.of(
                        setting + " is off: a crash of the machine can destroy the database, and grant a slot twice",
                        "ALTER SYSTEM SET " + setting + " = on; SELECT pg_reload_conf()"));
            }
        }
        var commit = patient.setting("synchronous_commit");
        if (commit.equals("local")
                && !patient.setting("synchronous_standby_names").isEmpty()) {
            findings.add(Finding.of(
                    "synchronous_commit is local: no commit waits for the synchronous standby, so a failover can grant a slot twice",
                    "Leave synchronous_commit at on for those who call numpool"));
        }
        return Check.of(
                "durability",
                "synchronous_commit is " + commit
                        + (commit.equals("off") ? ", which numpool raises where it must" : ""),
                findings);
    }

    /** The Kotlin and Java clients help themselves; others are refused. */
    private Check isolation() throws SQLException {
        var findings = new ArrayList<>(patient.rows(
                ISOLATIONS,
                row -> Finding.of(
                        "transactions begin as " + row.getString(2) + " for " + row.getString(1)
                                + ", and numpool's functions refuse that (NP005)",
                        "ALTER " + row.getString(1)
                                + " RESET default_transaction_isolation, or set it to read committed on the"
                                + " connections that call numpool")));
        var here = patient.setting("default_transaction_isolation");
        if (findings.isEmpty() && !here.equals("read committed")) {
            findings.add(Finding.of(
                    "transactions begin as " + here + ", and numpool's functions refuse that (NP005)",
                    "ALTER DATABASE " + patient.row("SELECT quote_ident(current_database())", row -> row.getString(1))
                            + " SET default_transaction_isolation = 'read committed'"));
        }
        return Check.of("isolation", "transactions begin as read committed", findings);
    }

    private Check notifications() throws SQLException {
        var usage = patient.row("SELECT pg_notification_queue_usage()", row -> row.getDouble(1));
        var about = "the queue is " + percent(usage) + " full";
        return Check.of(
                "notifications",
                about,
                usage < limits.queueUsage()
                        ? List.of()
                        : List.of(Finding.of(
                                about + "; when it is full, NOTIFY fails",
                                "A listener that stays in a transaction keeps it: see transactions, or pg_stat_activity for"
                                        + " 'idle in transaction'; end it with pg_terminate_backend")));
    }

    private Check connections() throws SQLException {
        return patient.row(CONNECTIONS, row -> {
            var used = row.getLong(1);
            var there = row.getLong(2);
            var about = used + " of " + there + " connections are in use";
            return Check.of(
                    "connections",
                    about,
                    used < limits.connectionUsage() * there
                            ? List.of()
                            : List.of(Finding.of(
                                    about,
                                    "See in pg_stat_activity who has them: make connection pools smaller, put a pooler in front,"
                                            + " or raise max_connections")));
        });
    }

    private static String percent(double share) {
        return String.format(Locale.ROOT, "%.0f %%", share * 100);
    }
}

package io.numpool.cli.internal.doctor;

import java.sql.SQLException;
import java.util.ArrayList;

/** Whatever keeps vacuum from removing dead rows of this database: transactions, prepared ones too, standbys and replication slots. */
record VacuumHolders(Patient patient, Limits limits) {
    /** Other databases' transactions hold nothing back here, and vacuum's own don't count. */
    private static final String TRANSACTIONS = """
            SELECT a.pid, a.usename, a.application_name, a.state, extract(epoch FROM clock_timestamp() - a.xact_start)::bigint,
                   greatest(age(a.backend_xmin), age(a.backend_xid))
            FROM pg_stat_activity a
            WHERE a.datname = current_database() AND a.pid <> pg_backend_pid() AND a.backend_type <> 'autovacuum worker'
              AND coalesce(a.backend_xmin, a.backend_xid) IS NOT NULL
              AND a.xact_start < clock_timestamp() - ? * interval '1 millisecond'
            ORDER BY a.xact_start""";

    private static final String PREPARED = """
            SELECT quote_literal(p.gid), p.owner, extract(epoch FROM clock_timestamp() - p.prepared)::bigint, age(p.transaction)
            FROM pg_prepared_xacts p
            WHERE p.database = current_database() AND p.prepared < clock_timestamp() - ? * interval '1 millisecond'
            ORDER BY p.prepared""";

    private static final String SLOTS = """
            SELECT quote_literal(s.slot_name), age(s.xmin) FROM pg_replication_slots s WHERE age(s.xmin) > ? ORDER BY 2 DESC""";

    private static final String STANDBYS = """
            SELECT a.pid, a.application_name, age(a.backend_xmin)
            FROM pg_stat_activity a WHERE a.backend_type = 'walsender' AND age(a.backend_xmin) > ? ORDER BY 3 DESC""";

    Check check() throws SQLException {
        var longest = limits.transaction().toMillis();
        var findings = new ArrayList<Finding>();
        findings.addAll(patient.rows(
                TRANSACTIONS,
                row -> Finding.of(
                        "backend " + row.getInt(1) + " (" + row.getString(2) + ", '" + row.getString(3) + "', "
                                + row.getString(4) + ") has been in a transaction for " + time(row.getLong(5)) + ", "
                                + row.getLong(6) + " transactions old, and holds back vacuum",
                        "Let it commit, or SELECT pg_terminate_backend(" + row.getInt(1) + ")"),
                longest));
        findings.addAll(patient.rows(
                PREPARED,
                row -> Finding.of(
                        "prepared transaction " + row.getString(1) + " of " + row.getString(2) + " is "
                                + time(row.getLong(3)) + " and " + row.getLong(4)
                                + " transactions old, and holds back vacuum",
                        "COMMIT PREPARED " + row.getString(1) + ", or ROLLBACK PREPARED " + row.getString(1)),
                longest));
        findings.addAll(patient.rows(
                SLOTS,
                row -> Finding.of(
                        "replication slot " + row.getString(1) + " is " + row.getLong(2)
                                + " transactions behind, and holds back vacuum",
                        "See what becomes of its standby; without one, SELECT pg_drop_replication_slot("
                                + row.getString(1) + ")"),
                limits.xminAge()));
        findings.addAll(patient.rows(
                STANDBYS,
                row -> Finding.of(
                        "standby '" + row.getString(2) + "' (backend " + row.getInt(1) + ") has a transaction "
                                + row.getLong(3) + " transactions old, and holds back vacuum",
                        "End the long transaction on the standby, or set hot_standby_feedback = off there"),
                limits.xminAge()));
        if (findings.isEmpty() && !patient.holds("pg_has_role('pg_read_all_stats', 'USAGE')")) {
            return Check.unseen("transactions", unseen());
        }
        return Check.of(
                "transactions",
                "none holds back vacuum for more than "
                        + time(limits.transaction().toSeconds()),
                findings);
    }

    private Finding unseen() throws SQLException {
        return Finding.of(
                "those of other roles are hidden from role " + patient.role(),
                "GRANT pg_read_all_stats TO " + patient.role());
    }

    private static String time(long seconds) {
        return seconds < 120 ? seconds + " s" : seconds < 7_200 ? seconds / 60 + " min" : seconds / 3_600 + " h";
    }
}

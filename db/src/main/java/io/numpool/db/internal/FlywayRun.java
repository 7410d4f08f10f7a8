package io.numpool.db.internal;

import javax.sql.DataSource;
import org.flywaydb.core.Flyway;

/** The only class that knows Flyway, so that the others load without it. */
public final class FlywayRun {
    private FlywayRun() {}

    /**
     * Runs Flyway on one schema.
     *
     * @param dataSource where
     * @param schema exists already
     * @param folder of the scripts, on the class path
     * @param historyTable of this line
     * @param installed the version that is there already by other means, or 0; also what lets Flyway into a schema with tables of others
     * @return migrations applied
     */
    public static int migrate(DataSource dataSource, String schema, String folder, String historyTable, int installed) {
        return Flyway.configure(FlywayRun.class.getClassLoader())
                .loggers(QuietFlywayLog.class.getName())
                .dataSource(dataSource)
                .schemas(schema)
                .defaultSchema(schema)
                .createSchemas(false)
                .table(historyTable)
                .locations("classpath:" + folder)
                .failOnMissingLocations(true)
                .baselineOnMigrate(true)
                .baselineVersion(Integer.toString(installed))
                .placeholderReplacement(false)
                .cleanDisabled(true)
                .load()
                .migrate()
                .migrationsExecuted;
    }
}

package io.numpool.cli.internal.command;

import io.numpool.db.Line;
import io.numpool.db.Migrations;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.ParentCommand;

/** `numpool migrate` */
@Command(name = "migrate", description = "Brings the schema to this version, making it if need be.")
final class MigrateCommand implements Callable<Integer> {
    @ParentCommand
    private NumpoolCommand numpool;

    @Override
    public Integer call() {
        var migrations = Migrations.of(Line.POOL);
        var migrated = new Migrated(
                numpool.schema(),
                migrations.migrate(numpool.database().dataSource(), numpool.schema()),
                migrations.latestVersion());
        numpool.printer().print(migrated, style -> migrated.text());
        return 0;
    }

    /** The json contract. */
    record Migrated(String schema, int applied, int version) {
        String text() {
            return "schema " + schema + " is at version " + version
                    + (applied == 0 ? " already\n" : ", " + applied + " applied\n");
        }
    }
}

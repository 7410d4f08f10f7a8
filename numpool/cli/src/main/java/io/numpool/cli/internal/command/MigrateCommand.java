package io.numpool.cli.internal.command;

import io.numpool.db.Line;
import io.numpool.db.Migrations;
import java.util.concurrent.Callable;
import org.postgresql.ds.PGSimpleDataSource;
import picocli.CommandLine.Command;
import picocli.CommandLine.ParentCommand;

/** `numpool migrate` */
@Command(name = "migrate", description = "Brings the schema to this version, making it if need be.")
final class MigrateCommand implements Callable<Integer> {
    @ParentCommand
    private NumpoolCommand numpool;

    @Override
    public Integer call() {
        var address = numpool.database();
        var dataSource = new PGSimpleDataSource();
        dataSource.setURL(address.jdbcUrl());
        if (address.user() != null) {
            dataSource.setUser(address.user());
        }
        if (address.password() != null) {
            dataSource.setPassword(address.password());
        }
        var migrations = Migrations.of(Line.POOL);
        var migrated = new Migrated(
                numpool.schema(), migrations.migrate(dataSource, numpool.schema()), migrations.latestVersion());
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

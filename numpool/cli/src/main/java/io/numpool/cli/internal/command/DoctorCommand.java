package io.numpool.cli.internal.command;

import io.numpool.cli.internal.ExitCode;
import io.numpool.cli.internal.Failure;
import io.numpool.cli.internal.database.DatabaseAddress;
import io.numpool.cli.internal.doctor.Diagnosis;
import io.numpool.cli.internal.doctor.Doctor;
import io.numpool.cli.internal.doctor.Limits;
import io.numpool.cli.internal.output.Progress;
import io.numpool.db.Line;
import io.numpool.db.Migrations;
import java.sql.SQLException;
import java.time.Duration;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParentCommand;

/** `numpool doctor` */
@Command(
        name = "doctor",
        description =
                "Looks whether numpool's promises hold in the tables, and whether the database is fit for it. Changes nothing.",
        footer = {
            "",
            "A line for each thing that is well; what is not, with what to do about it.",
            "Exit code: 0 all is well, 1 something was found, 2 the database can't be reached or read."
        })
final class DoctorCommand implements Callable<Integer> {
    @ParentCommand
    private NumpoolCommand numpool;

    @Option(
            names = "--longest-transaction",
            paramLabel = "D",
            converter = DurationConverter.class,
            description = "One that holds back vacuum for longer is found: 500ms, 5s, 2m, PT5S; 5m by default.")
    private Duration longestTransaction = Limits.DEFAULT.transaction();

    @Override
    public Integer call() {
        var diagnosis = diagnosis(numpool.database());
        numpool.printer().print(diagnosis, diagnosis::text);
        return diagnosis.ok() ? ExitCode.OK : ExitCode.FOUND;
    }

    private Diagnosis diagnosis(DatabaseAddress address) {
        try (var progress = Progress.of("examining the database")) {
            return progress.during(() -> examined(address));
        }
    }

    private Diagnosis examined(DatabaseAddress address) {
        var database = address.dataSource();
        try {
            if (numpool.isEmbedded()) {
                Migrations.of(Line.POOL).migrate(database, numpool.schema());
            }
            return new Doctor(numpool.schema(), Limits.DEFAULT.withTransaction(longestTransaction)).examine(database);
        } catch (SQLException e) {
            throw new Failure(ExitCode.USAGE, "examining " + address + ": " + e.getMessage(), e);
        }
    }
}

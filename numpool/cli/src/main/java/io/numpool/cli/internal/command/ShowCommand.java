package io.numpool.cli.internal.command;

import io.numpool.cli.internal.Answer;
import io.numpool.cli.internal.output.PoolReport;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.ParentCommand;

/** `numpool show POOL` */
@Command(name = "show", description = "One pool: who holds which slot, who waits.")
final class ShowCommand implements Callable<Integer> {
    @ParentCommand
    private NumpoolCommand numpool;

    @Parameters(paramLabel = "POOL")
    private String id;

    @Override
    public Integer call() {
        try (var client = numpool.visitor();
                var pool = Answer.of(client.pool(id))) {
            var report = PoolReport.of(Answer.of(pool.status()), pool.metadata().orElse(null));
            numpool.printer().print(report, report::text);
            return 0;
        }
    }
}

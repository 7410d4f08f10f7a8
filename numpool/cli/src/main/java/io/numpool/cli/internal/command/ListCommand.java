package io.numpool.cli.internal.command;

import io.numpool.PoolSummary;
import io.numpool.cli.internal.Answer;
import io.numpool.cli.internal.output.Style;
import io.numpool.cli.internal.output.Table;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.ParentCommand;

/** `numpool list [PREFIX]` */
@Command(name = "list", description = "Pools, with how many of their slots are held and how many wait.")
final class ListCommand implements Callable<Integer> {
    @ParentCommand
    private NumpoolCommand numpool;

    @Parameters(arity = "0..1", paramLabel = "PREFIX", description = "Only pools whose ids begin so; no wildcards.")
    private String prefix = "";

    @Override
    public Integer call() {
        try (var client = numpool.visitor()) {
            var pools =
                    Answer.of(client.pools(prefix)).stream().map(PoolLine::of).toList();
            numpool.printer().print(pools, style -> text(pools, style));
            return 0;
        }
    }

    private static String text(List<PoolLine> pools, Style style) {
        if (pools.isEmpty()) {
            return "no pools\n";
        }
        var table = new Table("POOL", "CAPACITY", "HELD", "WAITING");
        pools.forEach(pool -> table.row(pool.id, pool.capacity, pool.held, pool.waiting));
        return table.text(style);
    }

    /** The json contract. */
    record PoolLine(String id, int capacity, int held, int waiting) {
        static PoolLine of(PoolSummary pool) {
            return new PoolLine(pool.id(), pool.capacity(), pool.held(), pool.waiting());
        }
    }
}

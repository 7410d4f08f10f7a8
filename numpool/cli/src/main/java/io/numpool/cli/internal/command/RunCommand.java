package io.numpool.cli.internal.command;

import io.numpool.AcquireOptions;
import io.numpool.AcquireTimeoutException;
import io.numpool.NumpoolAsync;
import io.numpool.ResourceAsync;
import io.numpool.ResourcePoolAsync;
import io.numpool.cli.internal.ExitCode;
import io.numpool.cli.internal.Failure;
import io.numpool.cli.internal.output.Progress;
import io.numpool.cli.internal.run.Interruptions;
import io.numpool.cli.internal.run.Programs;
import io.numpool.cli.internal.run.SlotRun;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.ParentCommand;

/** `numpool run --pool P -- CMD …` */
@Command(
        name = "run",
        description = "Waits for a slot, runs a command with it, gives it back.",
        footer = {
            "",
            "The command finds NUMPOOL_POOL, NUMPOOL_INDEX and NUMPOOL_TOKEN in its environment.",
            "Exit code: the command's; 124 no slot in time, 75 slot lost, 126 and 127 as a shell, 2 anything wrong before."
        })
public final class RunCommand implements Callable<Integer> {
    @ParentCommand
    private NumpoolCommand numpool;

    @Option(names = "--pool", required = true, paramLabel = "POOL", description = "Which pool.")
    private String pool;

    @Option(names = "--capacity", paramLabel = "N", description = "Makes the pool when there is none.")
    private Integer capacity;

    @Option(
            names = "--timeout",
            paramLabel = "D",
            converter = DurationConverter.class,
            description = "How long to wait for a slot: 500ms, 5s, 2m, PT5S; 0 tries once.")
    private Duration timeout;

    @Option(names = "--label", paramLabel = "TEXT", description = "Shown to those who look who holds what.")
    private String label;

    @Option(
            names = "--kill-after",
            paramLabel = "D",
            converter = DurationConverter.class,
            description = "How long after TERM a command whose slot was lost is killed; 1s by default.")
    private Duration killAfter = Duration.ofSeconds(1);

    @Parameters(arity = "1..*", paramLabel = "CMD", description = "The command and its arguments.")
    private List<String> command;

    @Override
    public Integer call() throws Exception {
        Programs.require(command.get(0));
        try (var interruptions = new Interruptions();
                var client = interruptions.await(numpool.inBackground(this::opened))) {
            var slot = slot(client, interruptions);
            return new SlotRun(command, killAfter).run(slot, interruptions);
        } catch (AcquireTimeoutException e) {
            throw new Failure(ExitCode.TIMED_OUT, e.getMessage(), e);
        }
    }

    private NumpoolAsync opened() {
        return numpool.open(numpool.options().migrate(capacity != null || numpool.isEmbedded()));
    }

    private ResourceAsync slot(NumpoolAsync client, Interruptions interruptions) {
        try (var progress = Progress.of("waiting for a slot of '" + pool + "'")) {
            var shared = interruptions.await(pool(client));
            return progress.during(() -> interruptions.await(shared.acquire(acquireOptions())));
        }
    }

    private CompletableFuture<ResourcePoolAsync> pool(NumpoolAsync client) {
        return capacity == null ? client.pool(pool) : client.pool(pool, capacity);
    }

    private AcquireOptions acquireOptions() {
        var options = AcquireOptions.builder();
        if (timeout != null) {
            options.timeout(timeout);
        }
        if (label != null) {
            options.label(label);
        }
        return options.build();
    }
}

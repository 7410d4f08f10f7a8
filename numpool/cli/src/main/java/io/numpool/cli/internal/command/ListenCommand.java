package io.numpool.cli.internal.command;

import io.numpool.cli.internal.ExitCode;
import io.numpool.cli.internal.Failure;
import io.numpool.cli.internal.output.EventLines;
import io.numpool.cli.internal.output.Progress;
import io.numpool.cli.internal.run.Interruptions;
import io.numpool.notify.NotifierAsync;
import io.numpool.notify.NotifierOptions;
import io.numpool.notify.SubscriptionAsync;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.ParentCommand;

/** `numpool listen CHANNEL …` */
@Command(
        name = "listen",
        description = "Prints notifications as they arrive, and the gaps in which some may be missing.",
        footer = {
            "",
            "One line for each; with --format json one object for each, the first when all channels are listened to.",
            "Goes on when the connection is lost, and prints a gap when it is there again. In order per channel.",
            "Exit code: 0 when --count is reached or nobody reads the output, 124 when --timeout is, 2 without a database."
        })
final class ListenCommand implements Callable<Integer> {
    @ParentCommand
    private NumpoolCommand numpool;

    @Parameters(arity = "1..*", paramLabel = "CHANNEL", description = "Names of 1 to 63 bytes, taken literally.")
    private List<String> channels;

    @Option(names = "--count", paramLabel = "N", description = "Ends after so many notifications; gaps don't count.")
    private Long count;

    @Option(
            names = "--timeout",
            paramLabel = "D",
            converter = DurationConverter.class,
            description = "How long to listen: 500ms, 5s, 2m, PT5S; for ever by default.")
    private Duration timeout;

    @Override
    public Integer call() {
        if (count != null && count < 1) {
            throw Failure.usage("--count is " + count + ", must be at least 1");
        }
        var lines = new EventLines(numpool.printer(), count);
        try (var interruptions = new Interruptions();
                var notifier = numpool.notifier(options(lines))) {
            return interruptions.await(withinTimeout(listening(notifier, lines).thenCompose(all -> lines.ended())));
        }
    }

    private CompletableFuture<Void> listening(NotifierAsync notifier, EventLines lines) {
        var progress = Progress.of("waiting for the server to listen");
        var all = channels.stream()
                .distinct()
                .map(channel -> notifier.subscribe(channel, lines::notification, lines::gap))
                .toList();
        return CompletableFuture.allOf(all.toArray(CompletableFuture[]::new))
                .whenComplete((done, error) -> progress.close())
                .thenRun(() -> lines.listening(all.stream()
                        .map(CompletableFuture::join)
                        .map(SubscriptionAsync::channel)
                        .toList()));
    }

    /** Who reads the output may take any time: then the server's queue fills, and nothing is lost. */
    private static NotifierOptions.Builder options(EventLines lines) {
        return NotifierOptions.builder().observer(lines.losses()).handlerTimeout(Duration.ZERO);
    }

    private CompletableFuture<Integer> withinTimeout(CompletableFuture<Integer> ended) {
        return timeout == null
                ? ended
                : ended.completeOnTimeout(ExitCode.TIMED_OUT, timeout.toMillis(), TimeUnit.MILLISECONDS);
    }
}

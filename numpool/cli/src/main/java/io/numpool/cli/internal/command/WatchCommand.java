package io.numpool.cli.internal.command;

import io.numpool.cli.internal.ExitCode;
import io.numpool.cli.internal.Failure;
import io.numpool.cli.internal.output.Format;
import io.numpool.cli.internal.output.Terminal;
import io.numpool.cli.internal.run.Interruptions;
import io.numpool.cli.internal.watch.ChangeLines;
import io.numpool.cli.internal.watch.LiveScreen;
import io.numpool.cli.internal.watch.Watch;
import io.numpool.cli.internal.watch.WatchView;
import java.time.Duration;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.ParentCommand;

/** `numpool watch POOL` */
@Command(
        name = "watch",
        description = "One pool, live: who holds which slot, who waits.",
        footer = {
            "",
            "Drawn again on a terminal. Else, and with --format json, a line or an object for each change; looks that find none print nothing.",
            "Goes on when the database was away. Exit code: 0 after Ctrl-C or when nobody reads the output, 2 when the pool is deleted."
        })
final class WatchCommand implements Callable<Integer> {
    private static final Duration SHORTEST = Duration.ofMillis(50);
    private static final Duration LONGEST = Duration.ofDays(1);

    @ParentCommand
    private NumpoolCommand numpool;

    @Parameters(paramLabel = "POOL")
    private String id;

    @Option(
            names = "--interval",
            paramLabel = "D",
            converter = DurationConverter.class,
            description = "How long between two looks: 50ms to 1d; 1s by default.")
    private Duration interval = Duration.ofSeconds(1);

    @Override
    public Integer call() {
        if (interval.compareTo(SHORTEST) < 0 || interval.compareTo(LONGEST) > 0) {
            throw Failure.usage("--interval is " + interval.toMillis() + " ms, must be 50ms to 1d");
        }
        try (var interruptions = new Interruptions();
                var client = interruptions.await(numpool.inBackground(numpool::visitor));
                var pool = interruptions.await(client.pool(id));
                var view = view()) {
            new Watch(pool, interval, view, interruptions).run();
        } catch (Failure e) {
            if (e.exitCode() != ExitCode.INTERRUPTED) {
                throw e;
            }
        }
        return ExitCode.OK;
    }

    private WatchView view() {
        var printer = numpool.printer();
        if (printer.format() == Format.json || !Terminal.STDOUT.canRedraw(System.getenv())) {
            return new ChangeLines(printer);
        }
        return new LiveScreen(System.out, printer.style(), Terminal::rows);
    }
}

package io.numpool.cli.internal.command;

import io.numpool.cli.internal.Answer;
import io.numpool.cli.internal.output.Progress;
import io.numpool.notify.NotifierOptions;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.ParentCommand;

/** `numpool notify CHANNEL PAYLOAD` */
@Command(name = "notify", description = "Sends a notification to whoever listens to a channel at this moment.")
final class NotifyCommand implements Callable<Integer> {
    @ParentCommand
    private NumpoolCommand numpool;

    @Parameters(index = "0", paramLabel = "CHANNEL", description = "Any name of 1 to 63 bytes, taken literally.")
    private String channel;

    @Parameters(
            index = "1",
            arity = "0..1",
            paramLabel = "PAYLOAD",
            description = "At most 7999 bytes; empty by default.")
    private String payload = "";

    @Override
    public Integer call() {
        try (var notifier = numpool.notifier(NotifierOptions.builder());
                var progress = Progress.of("sending")) {
            progress.during(() -> Answer.of(notifier.publish(channel, payload)));
        }
        numpool.printer().print(new Notified(channel), style -> style.bold(channel) + ": notified\n");
        return 0;
    }

    /** The json contract. */
    record Notified(String notified) {}
}

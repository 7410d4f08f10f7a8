package io.numpool.cli.internal.command;

import io.numpool.cli.internal.ExitCode;
import io.numpool.cli.internal.demo.Demo;
import io.numpool.cli.internal.demo.DemoSettings;
import io.numpool.cli.internal.demo.DemoView;
import io.numpool.cli.internal.demo.LinesView;
import io.numpool.cli.internal.demo.Misbehaviour;
import io.numpool.cli.internal.demo.ScreenView;
import io.numpool.cli.internal.embedded.DataFolder;
import io.numpool.cli.internal.output.Format;
import io.numpool.cli.internal.output.Terminal;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParentCommand;

/** `numpool demo` */
@Command(
        name = "demo",
        description =
                "The main job in 15 seconds: processes contend for slots on a PostgreSQL of their own, one is killed, their files are judged.",
        footer = {"", "Exit code 1 when a promise was broken."})
final class DemoCommand implements Callable<Integer> {
    @ParentCommand
    private NumpoolCommand numpool;

    @Option(
            names = "--workers",
            paramLabel = "N",
            description = "Processes; ${DEFAULT-VALUE} by default.",
            defaultValue = "6")
    private int workers;

    @Option(
            names = "--slots",
            paramLabel = "N",
            description = "Slots they share; ${DEFAULT-VALUE} by default.",
            defaultValue = "2")
    private int slots;

    @Option(
            names = "--seconds",
            paramLabel = "N",
            description = "How long they contend; ${DEFAULT-VALUE} by default.",
            defaultValue = "10")
    private int seconds;

    @Option(
            names = "--kill",
            paramLabel = "N",
            description = "Holders that are killed; ${DEFAULT-VALUE} by default.",
            defaultValue = "1")
    private int kills;

    @Option(names = "--break", hidden = true, converter = MisbehaviourConverter.class)
    private Misbehaviour misbehaviour = Misbehaviour.none;

    @Override
    public Integer call() throws Exception {
        var settings = new DemoSettings(workers, slots, seconds, kills, misbehaviour);
        var report = Demo.run(settings, view(), DataFolder.of(System.getenv()));
        numpool.printer().print(report, report::text);
        return report.promisesKept() ? ExitCode.OK : ExitCode.BROKEN_PROMISE;
    }

    private DemoView view() {
        var printer = numpool.printer();
        if (printer.format() == Format.json) {
            return DemoView.NONE;
        }
        return Terminal.STDOUT.isThere() ? new ScreenView(System.out, printer.style()) : new LinesView(System.out);
    }
}

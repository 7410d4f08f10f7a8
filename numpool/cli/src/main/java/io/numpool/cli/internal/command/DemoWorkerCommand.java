package io.numpool.cli.internal.command;

import io.numpool.cli.internal.demo.Misbehaviour;
import io.numpool.cli.internal.demo.WorkerProcess;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParentCommand;

/** One process of the demo; the demo starts it. */
@Command(name = "demo-worker", hidden = true)
final class DemoWorkerCommand implements Callable<Integer> {
    @ParentCommand
    private NumpoolCommand numpool;

    @Option(names = "--number", required = true)
    private int number;

    @Option(names = "--folder", required = true)
    private Path folder;

    @Option(names = "--break", converter = MisbehaviourConverter.class)
    private Misbehaviour misbehaviour = Misbehaviour.none;

    @Override
    public Integer call() throws Exception {
        WorkerProcess.main(
                number,
                folder,
                misbehaviour,
                () -> numpool.open(numpool.options().migrate(false).openTimeout(NumpoolCommand.BUSY_MACHINE)));
        return 0;
    }
}

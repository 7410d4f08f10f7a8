package io.numpool.cli.internal.command;

import io.numpool.cli.internal.Build;
import io.numpool.cli.internal.embedded.Cluster.RunningServer;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.ParentCommand;

/** `numpool embedded start|status|stop` */
@Command(
        name = "embedded",
        description = "The PostgreSQL on this machine that is used when no database is named.",
        subcommands = {EmbeddedCommand.Start.class, EmbeddedCommand.Status.class, EmbeddedCommand.Stop.class})
final class EmbeddedCommand {
    @ParentCommand
    private NumpoolCommand numpool;

    private Integer report(Optional<RunningServer> server) {
        var files = numpool.embedded().cluster().files();
        var report = new Report(
                server.isPresent(),
                Build.postgresVersion(),
                server.map(RunningServer::port).orElse(null),
                server.map(RunningServer::pid).orElse(null),
                server.map(running -> "postgres://numpool@127.0.0.1:" + running.port() + "/postgres")
                        .orElse(null),
                files.data().toString(),
                files.password().toString(),
                files.log().toString());
        numpool.printer().print(report, style -> report.text());
        return 0;
    }

    /** `numpool embedded start` */
    @Command(name = "start", description = "Starts it, which every command does that needs it.")
    static final class Start implements Callable<Integer> {
        @ParentCommand
        private EmbeddedCommand embedded;

        @Override
        public Integer call() {
            embedded.numpool.startEmbedded();
            return embedded.report(embedded.numpool.embedded().status());
        }
    }

    /** `numpool embedded status` */
    @Command(name = "status", description = "Whether it runs, and where its files are. Exit code 0 either way.")
    static final class Status implements Callable<Integer> {
        @ParentCommand
        private EmbeddedCommand embedded;

        @Override
        public Integer call() {
            return embedded.report(embedded.numpool.embedded().status());
        }
    }

    /** `numpool embedded stop` */
    @Command(name = "stop", description = "Stops it; the data stay.")
    static final class Stop implements Callable<Integer> {
        @ParentCommand
        private EmbeddedCommand embedded;

        @Override
        public Integer call() {
            var stopped = embedded.numpool.embedded().stop();
            embedded.numpool
                    .printer()
                    .print(new Stopped(stopped), style -> stopped ? "stopped\n" : "was not running\n");
            return 0;
        }
    }

    /** The json contract; port, pid and url are null when it does not run. */
    record Report(
            boolean running,
            String version,
            Integer port,
            Long pid,
            String url,
            String data,
            String passwordFile,
            String log) {
        String text() {
            var state = running ? "running, process " + pid + "\n  url       " + url + "\n" : "not running\n";
            return state + "  version   " + version + "\n  data      " + data + "\n  password  " + passwordFile
                    + "\n  log       " + log + "\n";
        }
    }

    /** The json contract: false when there was nothing to stop. */
    record Stopped(boolean stopped) {}
}

package io.numpool.cli.internal.command;

import io.numpool.NumpoolAsync;
import io.numpool.NumpoolOptions;
import io.numpool.cli.internal.ExitCode;
import io.numpool.cli.internal.Failure;
import io.numpool.cli.internal.database.DatabaseAddress;
import io.numpool.cli.internal.database.DatabaseResolver;
import io.numpool.cli.internal.embedded.DataFolder;
import io.numpool.cli.internal.embedded.EmbeddedServer;
import io.numpool.cli.internal.output.Format;
import io.numpool.cli.internal.output.Printer;
import io.numpool.cli.internal.output.Progress;
import io.numpool.cli.internal.output.Style;
import io.numpool.cli.internal.output.Terminal;
import io.numpool.notify.ConnectionProvider;
import io.numpool.notify.Notifier;
import io.numpool.notify.NotifierAsync;
import io.numpool.notify.NotifierOptions;
import java.sql.SQLException;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.function.Supplier;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.ScopeType;

/** The root of all commands: what every one of them may be told, and what they need of the surroundings. */
@Command(
        name = "numpool",
        description = "Many processes share numbered slots, first come first served, through PostgreSQL.",
        scope = ScopeType.INHERIT,
        mixinStandardHelpOptions = true,
        versionProvider = VersionProvider.class,
        sortOptions = false,
        subcommands = {
            DemoCommand.class,
            RunCommand.class,
            ListCommand.class,
            ShowCommand.class,
            WatchCommand.class,
            CreateCommand.class,
            ResizeCommand.class,
            DeleteCommand.class,
            MetadataCommand.class,
            EvictCommand.class,
            SessionsCommand.class,
            ListenCommand.class,
            NotifyCommand.class,
            MigrateCommand.class,
            DoctorCommand.class,
            EmbeddedCommand.class,
            CompletionCommand.class,
            DemoWorkerCommand.class
        })
public final class NumpoolCommand {
    /** The embedded server is known to be there; but many JVMs may start at once, on a machine that is too small for them. */
    static final Duration BUSY_MACHINE = Duration.ofSeconds(60);

    /** PostgreSQL's own limit. */
    private static final int LONGEST_PAYLOAD = 7_999;

    @Option(
            names = "--url",
            scope = ScopeType.INHERIT,
            paramLabel = "URL",
            description =
                    "The database: jdbc:postgresql://… or postgres://…; else NUMPOOL_URL, else PG*, else an embedded one.")
    private String url;

    @Option(
            names = "--schema",
            scope = ScopeType.INHERIT,
            paramLabel = "NAME",
            description = "Schema of the tables; numpool by default.")
    private String schema = "numpool";

    @Option(
            names = "--format",
            scope = ScopeType.INHERIT,
            paramLabel = "text|json",
            description = "What to print; text by default.")
    private Format format = Format.text;

    String schema() {
        return schema;
    }

    Printer printer() {
        var style = format == Format.json ? Style.PLAIN : Terminal.STDOUT.style(System.getenv());
        return new Printer(System.out, format, style);
    }

    EmbeddedServer embedded() {
        return new EmbeddedServer(DataFolder.of(System.getenv()));
    }

    /** The database that is meant; the embedded one is started when it is not there. */
    DatabaseAddress database() {
        return new DatabaseResolver(System.getenv()).resolve(url).orElseGet(this::startEmbedded);
    }

    DatabaseAddress startEmbedded() {
        try (var progress = Progress.of("starting PostgreSQL on this machine")) {
            return progress.during(embedded()::address);
        }
    }

    /** For a command that makes no pool: a database that somebody named and nobody migrated is an error. */
    NumpoolAsync visitor() {
        return open(options().migrate(isEmbedded()).startListening(false));
    }

    /** For a command that makes a pool when there is none. */
    NumpoolAsync maker() {
        return open(options().migrate(true).startListening(false));
    }

    NumpoolAsync open(NumpoolOptions.Builder options) {
        var address = database();
        try (var progress = Progress.of("opening the database")) {
            return progress.during(
                    () -> NumpoolAsync.open(address.jdbcUrl(), address.user(), address.password(), options.build()));
        }
    }

    /** So that a signal ends it at once. */
    CompletableFuture<NumpoolAsync> inBackground(Supplier<NumpoolAsync> opening) {
        var opened = new CompletableFuture<NumpoolAsync>();
        var thread = new Thread(
                () -> {
                    try {
                        opened.complete(opening.get());
                    } catch (RuntimeException e) {
                        opened.completeExceptionally(e);
                    }
                },
                "open");
        thread.setDaemon(true);
        thread.start();
        return opened;
    }

    /** On connections of its own. What it can't reach now is an error; what it loses later it connects to again. */
    NotifierAsync notifier(NotifierOptions.Builder options) {
        var address = database();
        try (var progress = Progress.of("opening the database")) {
            var connections = progress.during(() -> reached(address));
            return NotifierAsync.of(Notifier.open(
                    connections,
                    connections,
                    options.name("cli").maxPayloadBytes(LONGEST_PAYLOAD).build()));
        }
    }

    private static ConnectionProvider reached(DatabaseAddress address) {
        var connections = ConnectionProvider.of(address.jdbcUrl(), address.user(), address.password());
        try {
            connections.open().close();
            return connections;
        } catch (SQLException e) {
            throw new Failure(ExitCode.USAGE, "no connection to " + address + ": " + e.getMessage(), e);
        }
    }

    NumpoolOptions.Builder options() {
        var options = NumpoolOptions.builder().schema(schema).storeConnections(1);
        return isEmbedded() ? options.openTimeout(BUSY_MACHINE) : options;
    }

    boolean isEmbedded() {
        return new DatabaseResolver(System.getenv()).resolve(url).isEmpty();
    }
}

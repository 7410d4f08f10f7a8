package io.numpool.cli.internal.command;

import io.numpool.SessionStatus;
import io.numpool.cli.internal.Answer;
import io.numpool.cli.internal.output.Style;
import io.numpool.cli.internal.output.Table;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.ParentCommand;

/** `numpool sessions` */
@Command(
        name = "sessions",
        description =
                "The processes that take part, oldest first, without this one; or, with evict, what one of them holds.",
        subcommands = SessionsCommand.Evict.class)
final class SessionsCommand implements Callable<Integer> {
    @ParentCommand
    private NumpoolCommand numpool;

    @Override
    public Integer call() {
        try (var client = numpool.visitor()) {
            var own = client.session();
            var sessions = Answer.of(client.sessions()).stream()
                    .filter(session -> session.who().session() != own)
                    .map(SessionLine::of)
                    .toList();
            numpool.printer().print(sessions, style -> text(sessions, style));
            return 0;
        }
    }

    private static String text(List<SessionLine> sessions, Style style) {
        if (sessions.isEmpty()) {
            return "no sessions\n";
        }
        var table = new Table("SESSION", "STATE", "HELD", "WAITING", "RENEWED", "OPENED", "HOST", "PID", "APPLICATION");
        sessions.forEach(s ->
                table.row(s.session, s.state, s.held, s.waiting, s.renewed, s.opened, s.host, s.pid, s.application));
        return table.text(style);
    }

    /** `numpool sessions evict ID` */
    @Command(
            name = "evict",
            description = "Asks for all slots back that a session holds, in all pools; the session itself goes on.")
    static final class Evict implements Callable<Integer> {
        @ParentCommand
        private SessionsCommand sessions;

        @Parameters(paramLabel = "ID", description = "Its number, as sessions prints it.")
        private long session;

        @Override
        public Integer call() {
            try (var client = sessions.numpool.visitor()) {
                var slots = Answer.of(client.evictSession(session));
                sessions.numpool
                        .printer()
                        .print(
                                new Evicted(session, slots),
                                style -> "session " + style.bold(Long.toString(session)) + ": " + slots
                                        + (slots == 1 ? " slot is asked back\n" : " slots are asked back\n"));
                return 0;
            }
        }
    }

    /** The json contract. */
    record Evicted(long session, int slots) {}

    /** The json contract: state is attached, detached, never-attached, poll-only or dead; times in ISO 8601 by the database's clock. */
    record SessionLine(
            long session,
            String state,
            int held,
            int waiting,
            String opened,
            String renewed,
            long ttlMillis,
            long graceMillis,
            String application,
            String host,
            long pid) {
        static SessionLine of(SessionStatus it) {
            return new SessionLine(
                    it.who().session(),
                    it.state().name().toLowerCase(Locale.ROOT).replace('_', '-'),
                    it.held(),
                    it.waiting(),
                    it.opened().toString(),
                    it.renewed().toString(),
                    it.ttl().toMillis(),
                    it.grace().toMillis(),
                    it.who().application(),
                    it.who().host(),
                    it.who().pid());
        }
    }
}

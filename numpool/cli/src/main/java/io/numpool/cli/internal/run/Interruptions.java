package io.numpool.cli.internal.run;

import io.numpool.cli.internal.ExitCode;
import io.numpool.cli.internal.Failure;
import io.numpool.cli.internal.Signals;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.function.Consumer;
import java.util.stream.Stream;

/**
 * Signals while `run` is at work. Until the command runs, one that asks to end ends the waiting; from then on all of them are the
 * command's. QUIT is missing: the JVM keeps it for itself.
 */
public final class Interruptions implements AutoCloseable {
    private static final List<String> ENDING = List.of("INT", "TERM", "HUP");
    private static final List<String> OTHERS = List.of("USR1", "USR2", "WINCH");

    private final CompletableFuture<Received> first = new CompletableFuture<>();
    private final List<Signals.Handling> handlings;

    /** Guarded by this. */
    private Consumer<String> receiver;

    public Interruptions() {
        handlings = Stream.concat(
                        ENDING.stream().map(name -> Signals.handle(name, number -> ending(name, number))),
                        OTHERS.stream().map(name -> Signals.handle(name, number -> pass(name))))
                .flatMap(Optional::stream)
                .toList();
    }

    /** The result of {@code future}; a signal that comes first cancels it and is thrown as its exit code. */
    public <T> T await(CompletableFuture<T> future) {
        try {
            CompletableFuture.anyOf(first, future).join();
            if (first.isDone()) {
                future.cancel(true);
                throw new Failure(ExitCode.ofSignal(first.join().number()), null);
            }
            return future.join();
        } catch (CompletionException e) {
            throw e.getCause() instanceof RuntimeException cause ? cause : e;
        } catch (CancellationException e) {
            throw new IllegalStateException("cancelled by nobody", e);
        }
    }

    /** Starts the command; from its first moment signals go to it, as does one that came since nothing was waited for any more. */
    synchronized GuardedCommand start(List<String> command, Map<String, String> environment) throws IOException {
        var running = GuardedCommand.start(command, environment);
        receiver = running::signal;
        if (first.isDone()) {
            receiver.accept(first.join().name());
        }
        return running;
    }

    private synchronized boolean pass(String name) {
        if (receiver != null) {
            receiver.accept(name);
        }
        return receiver != null;
    }

    private void ending(String name, int number) {
        if (!pass(name)) {
            first.complete(new Received(name, number));
        }
    }

    @Override
    public void close() {
        handlings.forEach(Signals.Handling::close);
    }

    private record Received(String name, int number) {}
}

package io.numpool.cli.internal.output;

import java.io.PrintStream;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;

/** Shows on a terminal that something which takes more than a second is alive; in a pipe it is silent. */
public final class Progress implements AutoCloseable {
    private static final String CLEAR_LINE = "\r\u001b[K";

    private final PrintStream err;
    private final String what;
    private final ScheduledExecutorService ticker;

    /** Guarded by this. */
    private int seconds;

    private Progress(PrintStream err, String what) {
        this.err = err;
        this.what = what;
        this.ticker = Terminal.STDERR.isThere() ? Executors.newSingleThreadScheduledExecutor(Progress::thread) : null;
        if (ticker != null) {
            ticker.scheduleAtFixedRate(this::tick, 1, 1, TimeUnit.SECONDS);
        }
    }

    public static Progress of(String what) {
        return new Progress(System.err, what);
    }

    public <T> T during(java.util.function.Supplier<T> work) {
        return work.get();
    }

    private synchronized void tick() {
        if (!ticker.isShutdown()) {
            seconds++;
            err.print(CLEAR_LINE + "numpool: " + what + " (" + seconds + " s)");
            err.flush();
        }
    }

    @Override
    public synchronized void close() {
        if (ticker != null && !ticker.isShutdown()) {
            ticker.shutdownNow();
            if (seconds > 0) {
                err.print(CLEAR_LINE);
                err.flush();
            }
        }
    }

    private static Thread thread(Runnable work) {
        var thread = new Thread(work, "progress");
        thread.setDaemon(true);
        return thread;
    }
}

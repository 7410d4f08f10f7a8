package io.numpool.cli.internal.demo;

import io.numpool.NumpoolAsync;
import io.numpool.NumpoolOptions;
import io.numpool.ResourcePoolAsync;
import io.numpool.cli.internal.Answer;
import io.numpool.cli.internal.Failure;
import io.numpool.cli.internal.embedded.TemporaryServer;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/** Several processes contend for a few slots, some are killed while they hold one, and their files tell whether the promises held. */
public final class Demo {
    /** Its server has just been started, often right after a build. */
    private static final Duration BUSY_MACHINE = Duration.ofSeconds(60);

    private static final long LOOK_NANOS = TimeUnit.MILLISECONDS.toNanos(100);
    private static final Duration PATIENCE_WITH_MISBEHAVIOUR = Duration.ofSeconds(60);
    private static final Duration PATIENCE_AFTER_KILL = Duration.ofMillis(2 * Verdict.RECLAIM_BOUND_MILLIS);

    private final DemoSettings settings;
    private final DemoView view;
    private final Path folder;
    private final TemporaryServer server;
    private final Deque<WorkerProcess> workers = new ArrayDeque<>();
    private final List<Kill> kills = new ArrayList<>();
    private int started;
    private long beginNanos;

    /** The one that was told to break a promise; null when none was. */
    private WorkerProcess misbehaving;

    private Demo(DemoSettings settings, DemoView view, TemporaryServer server) {
        this.settings = settings;
        this.view = view;
        this.server = server;
        this.folder = server.folder();
    }

    /** Takes about five seconds more than the settings say. */
    public static DemoReport run(DemoSettings settings, DemoView view, Path dataFolder)
            throws IOException, InterruptedException {
        view.event("starting a PostgreSQL of its own");
        try (var server = TemporaryServer.start(dataFolder)) {
            var cleaning = new Thread(() -> closeQuietly(server), "clean-up");
            Runtime.getRuntime().addShutdownHook(cleaning);
            return new Demo(settings, view, server).run();
        }
    }

    private static void closeQuietly(TemporaryServer server) {
        try {
            server.close();
        } catch (IOException e) {
            System.err.println("numpool: " + e.getMessage());
        }
    }

    private DemoReport run() throws IOException, InterruptedException {
        var durability = Durability.of(server.address());
        var options = NumpoolOptions.builder()
                .storeConnections(1)
                .startListening(false)
                .openTimeout(BUSY_MACHINE)
                .build();
        var address = server.address();
        try (var client = NumpoolAsync.open(address.jdbcUrl(), address.user(), address.password(), options);
                var pool = Answer.of(client.pool(WorkerProcess.POOL, settings.slots()))) {
            startWorkers();
            view.event(settings.workers() + " processes contend for " + settings.slots()
                    + (settings.slots() == 1 ? " slot" : " slots"));
            contend(pool);
            finish();
        } finally {
            workers.forEach(WorkerProcess::close);
            view.close();
        }
        return DemoReport.of(settings, durability, Verdict.of(History.merge(folder, kills), kills));
    }

    private void startWorkers() throws IOException {
        for (int i = 0; i < settings.workers(); i++) {
            workers.add(startWorker(i == 0 ? settings.misbehaviour() : Misbehaviour.none));
        }
        if (settings.misbehaviour() != Misbehaviour.none) {
            misbehaving = workers.getFirst();
        }
        for (var worker : workers) {
            Answer.of(worker.ready());
        }
        beginNanos = System.nanoTime();
        workers.forEach(WorkerProcess::begin);
    }

    private WorkerProcess startWorker(Misbehaviour misbehaviour) throws IOException {
        return WorkerProcess.start(++started, folder, server.address(), misbehaviour);
    }

    private void contend(ResourcePoolAsync pool) throws IOException {
        var end = beginNanos + TimeUnit.SECONDS.toNanos(settings.seconds());
        for (int i = 1; i <= settings.kills(); i++) {
            watchUntil(
                    pool, beginNanos + TimeUnit.SECONDS.toNanos(settings.seconds()) * i / (2L * settings.kills() + 1));
            killOne(pool);
        }
        watchUntil(pool, end);
        awaitMisbehaviour(pool);
    }

    /** What was asked to be broken is, however slow the machine. */
    private void awaitMisbehaviour(ResourcePoolAsync pool) throws IOException {
        var deadline = System.nanoTime() + PATIENCE_WITH_MISBEHAVIOUR.toNanos();
        while (misbehaving != null) {
            if (misbehaving.misbehaved().isDone()) {
                Answer.of(misbehaving.misbehaved());
                return;
            }
            if (System.nanoTime() - deadline > 0) {
                throw Failure.usage("--break " + settings.misbehaviour() + ": there was no chance to, in "
                        + PATIENCE_WITH_MISBEHAVIOUR.toSeconds() + " s more than the demo takes");
            }
            look(pool);
        }
    }

    /** One that behaves, in turn. A new process takes the place of the killed one. */
    private void killOne(ResourcePoolAsync pool) throws IOException {
        workers.addLast(workers.removeFirst());
        if (workers.getFirst() == misbehaving) {
            workers.addLast(workers.removeFirst());
        }
        var victim = workers.removeFirst();
        var slot = Answer.of(victim.holdOn());
        kills.add(victim.kill());
        view.event(
                "SIGKILL to worker " + victim.number() + " (process " + victim.pid() + "), which holds slot " + slot);
        var replacement = startWorker(Misbehaviour.none);
        workers.addLast(replacement);
        awaitReclaim(pool, slot);
        Answer.of(replacement.ready());
        replacement.begin();
    }

    private void awaitReclaim(ResourcePoolAsync pool, int slot) throws IOException {
        var deadline = System.nanoTime() + PATIENCE_AFTER_KILL.toNanos();
        while (System.nanoTime() - deadline < 0) {
            look(pool);
            var verdict = Verdict.of(History.merge(folder, kills), kills.subList(kills.size() - 1, kills.size()));
            if (verdict.unreclaimed() == 0) {
                view.event("slot " + slot + " is granted on, " + verdict.reclaimMillis() + " ms after the kill");
                return;
            }
        }
        view.event("slot " + slot + " is not granted on");
    }

    private void watchUntil(ResourcePoolAsync pool, long nanos) throws IOException {
        while (System.nanoTime() - nanos < 0) {
            look(pool);
        }
    }

    private void look(ResourcePoolAsync pool) throws IOException {
        if (view.wantsState()) {
            view.state(Answer.of(pool.status()), History.merge(folder, kills).size());
        }
        LockSupport.parkNanos(LOOK_NANOS);
    }

    private void finish() throws IOException, InterruptedException {
        view.event("the processes finish");
        for (var worker : workers) {
            worker.stop();
        }
        for (var worker : workers) {
            worker.awaitEnd();
        }
    }
}

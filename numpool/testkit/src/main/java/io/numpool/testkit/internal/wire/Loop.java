package io.numpool.testkit.internal.wire;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.util.ArrayDeque;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;

/** A thread that waits for sockets, for what others ask of it, and for what is due. Nothing that it does may block. */
final class Loop {
    /** What it does. */
    interface Work {
        void ready(SelectionKey key) throws IOException;

        /** Answers in how many nanoseconds there is more to do, or null when something has to come first. */
        Long step();

        /** Nothing comes after it. */
        void end() throws IOException;
    }

    private final Thread thread;
    private final Selector selector;
    private final Work work;

    /** Guarded by itself. */
    private final ArrayDeque<Runnable> tasks = new ArrayDeque<>();

    /** Guarded by {@link #tasks}. */
    private boolean ended;

    /** Written before it has ended. */
    private volatile Throwable failure;

    /** The loop's thread alone. */
    private boolean closing;

    Loop(String name, Selector selector, Work work) {
        this.selector = selector;
        this.work = work;
        this.thread = new Thread(this::run, name);
        thread.setDaemon(true);
    }

    void start() {
        thread.start();
    }

    /** Asks between two steps, and waits for the answer. */
    <T> T ask(Supplier<T> question) {
        if (Thread.currentThread() == thread) {
            return question.get();
        }
        var answer = new CompletableFuture<T>();
        synchronized (tasks) {
            if (ended) {
                throw new IllegalStateException(thread.getName() + " is closed", failure);
            }
            tasks.add(() -> complete(answer, question));
        }
        selector.wakeup();
        return result(answer);
    }

    /** Ends it, and waits for the end; twice is fine. */
    void close() {
        synchronized (tasks) {
            if (!ended) {
                tasks.add(() -> closing = true);
            }
        }
        selector.wakeup();
        if (Thread.currentThread() != thread) {
            awaitEnd();
        }
    }

    private static <T> void complete(CompletableFuture<T> answer, Supplier<T> question) {
        try {
            answer.complete(question.get());
        } catch (RuntimeException refused) {
            answer.completeExceptionally(refused);
        }
    }

    private static <T> T result(CompletableFuture<T> answer) {
        try {
            return answer.join();
        } catch (CompletionException failed) {
            throw new IllegalStateException(failed.getCause().getMessage(), failed.getCause());
        }
    }

    private void awaitEnd() {
        try {
            thread.join();
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    private void run() {
        try {
            var next = work.step();
            while (!closing) {
                select(next);
                runTasks();
                for (var key : selector.selectedKeys()) {
                    if (key.isValid()) {
                        work.ready(key);
                    }
                }
                selector.selectedKeys().clear();
                next = work.step();
            }
        } catch (IOException failed) {
            failure = failed;
            throw new UncheckedIOException(failed);
        } catch (RuntimeException | Error failed) {
            failure = failed;
            throw failed;
        } finally {
            end();
        }
    }

    private void select(Long nanosToNext) throws IOException {
        if (nanosToNext == null) {
            selector.select();
        } else {
            selector.select(TimeUnit.NANOSECONDS.toMillis(nanosToNext) + 1);
        }
    }

    private void runTasks() {
        for (var task = poll(); task != null; task = poll()) {
            task.run();
        }
    }

    private Runnable poll() {
        synchronized (tasks) {
            return tasks.poll();
        }
    }

    private void end() {
        closing = true;
        synchronized (tasks) {
            ended = true;
        }
        runTasks();
        try {
            work.end();
            selector.close();
        } catch (IOException failed) {
            throw new UncheckedIOException(failed);
        }
    }
}

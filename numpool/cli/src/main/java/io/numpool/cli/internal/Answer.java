package io.numpool.cli.internal;

import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.TimeoutException;

/** The answer to a call, or what it failed with, unwrapped. */
public final class Answer {
    private Answer() {}

    /** Waits. */
    public static <T> T of(CompletableFuture<T> call) {
        try {
            return call.join();
        } catch (CompletionException e) {
            if (e.getCause() instanceof TimeoutException) {
                throw new Failure(ExitCode.USAGE, "no answer in time", e);
            }
            throw e.getCause() instanceof RuntimeException cause ? cause : e;
        }
    }
}

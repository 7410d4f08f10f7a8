package io.numpool.testkit;

import java.net.URLDecoder;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;

/**
 * One line of a {@link History}.
 *
 * @param kind what happened
 * @param nanos when, as {@link System#nanoTime} counts: on one machine that clock is the same in all processes
 * @param process who recorded it; for {@link Kind#KILLED} and {@link Kind#FROZEN}: whom it befell
 * @param pool of which pool, or empty
 * @param request of which request, or empty
 * @param ticket place in the queue, which is the token once granted; or 0
 * @param slot its number, or -1
 */
public record Event(Kind kind, long nanos, String process, String pool, String request, long ticket, int slot) {
    /** What can happen. */
    public enum Kind {
        /** A slot is about to be asked for. */
        ASKED,
        /** The request is known to have a place in the queue. */
        QUEUED,
        /** The request is known to have a slot. */
        GRANTED,
        /** The slot is about to be given back. */
        ENDED,
        /** The holder knows that the slot is no longer its own. */
        LOST,
        /** The request is about to give up. */
        LEFT,
        /** A process is about to be killed. */
        KILLED,
        /** A process is about to be stopped. */
        FROZEN
    }

    /**
     * Written as text.
     *
     * @return a line without its end
     */
    public String toLine() {
        return String.join(
                " ",
                kind.name(),
                Long.toString(nanos),
                encoded(process),
                encoded(pool),
                encoded(request),
                Long.toString(ticket),
                Integer.toString(slot));
    }

    /**
     * Read back.
     *
     * @param line from {@link #toLine}
     * @return an equal event
     */
    public static Event parse(String line) {
        var words = line.split(" ", -1);
        if (words.length != 7) {
            throw new IllegalArgumentException("Not an event: " + line);
        }
        return new Event(
                Kind.valueOf(words[0]),
                Long.parseLong(words[1]),
                decoded(words[2]),
                decoded(words[3]),
                decoded(words[4]),
                Long.parseLong(words[5]),
                Integer.parseInt(words[6]));
    }

    private static String encoded(String text) {
        return URLEncoder.encode(text, StandardCharsets.UTF_8);
    }

    private static String decoded(String text) {
        return URLDecoder.decode(text, StandardCharsets.UTF_8);
    }
}

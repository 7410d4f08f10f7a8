package io.numpool.testkit;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.ConcurrentLinkedQueue;

/**
 * What happened to the requests of one process, for the {@link HistoryChecker}. Any thread may record.
 *
 * <p>The checker is right only if the recording is on the safe side: {@link #asked}, {@link #ended} and {@link #left} <em>before</em> the
 * pool is told, {@link #queued} and {@link #granted} <em>after</em> it answered, {@link #killed} and {@link #frozen} <em>before</em> the signal is
 * sent.
 */
public final class History implements AutoCloseable {
    private static final String NONE = "";

    private final String process;
    private final ConcurrentLinkedQueue<Event> events = new ConcurrentLinkedQueue<>();

    /** Null when it is kept in memory only. Guarded by itself. */
    private final FileChannel file;

    private History(String process, FileChannel file) {
        this.process = process;
        this.file = file;
    }

    /**
     * A history in memory.
     *
     * @param process name of the process, or of the client when one process plays several
     * @return an empty one
     */
    public static History inMemory(String process) {
        return new History(process, null);
    }

    /**
     * A history that is also written to a file, each event at once: it survives the death of its process.
     *
     * @param process name of the process
     * @param file is made, or appended to
     * @return an empty one
     */
    public static History writingTo(Path file, String process) {
        try {
            return new History(process, FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.APPEND));
        } catch (IOException failed) {
            throw new UncheckedIOException(failed);
        }
    }

    /**
     * Reads the files of several processes. A last line that was cut off by the death of its process is left out.
     *
     * @param files written by {@link #writingTo}
     * @return all events, oldest first
     */
    public static List<Event> read(List<Path> files) {
        var all = new ArrayList<Event>();
        files.forEach(file -> all.addAll(read(file)));
        return sorted(all);
    }

    /**
     * Puts together what several recorders of one process have.
     *
     * @param histories any number
     * @return all events, oldest first
     */
    public static List<Event> merge(List<History> histories) {
        return sorted(
                histories.stream().flatMap(history -> history.events.stream()).toList());
    }

    /**
     * A request is about to be sent.
     *
     * @param pool its pool
     * @param request its id, unique in all processes
     */
    public void asked(String pool, String request) {
        record(Event.Kind.ASKED, pool, request, 0, -1);
    }

    /**
     * A request was answered with a place in the queue.
     *
     * @param pool its pool
     * @param request its id
     * @param ticket its place
     */
    public void queued(String pool, String request, long ticket) {
        record(Event.Kind.QUEUED, pool, request, ticket, -1);
    }

    /**
     * A request has got a slot.
     *
     * @param pool its pool
     * @param request its id
     * @param slot which
     * @param token which is its ticket
     */
    public void granted(String pool, String request, int slot, long token) {
        record(Event.Kind.GRANTED, pool, request, token, slot);
    }

    /**
     * A request has got a slot, which was seen to be held. For processes that may be frozen between the look and the note.
     *
     * @param pool its pool
     * @param request its id
     * @param slot which
     * @param token which is its ticket
     * @param since a moment after the pool's answer and before the look, as {@link System#nanoTime} counts
     */
    public void granted(String pool, String request, int slot, long token, long since) {
        add(new Event(Event.Kind.GRANTED, since, process, pool, request, token, slot));
    }

    /**
     * A slot is about to be given back.
     *
     * @param pool its pool
     * @param slot which
     * @param token under which it was held
     */
    public void ended(String pool, int slot, long token) {
        record(Event.Kind.ENDED, pool, NONE, token, slot);
    }

    /**
     * A slot is about to be given back, and nothing was done with it for a while. For processes that may be frozen before the note.
     *
     * @param pool its pool
     * @param slot which
     * @param token under which it was held
     * @param until a moment before it was last seen to be held, as {@link System#nanoTime} counts
     */
    public void ended(String pool, int slot, long token, long until) {
        add(new Event(Event.Kind.ENDED, until, process, pool, NONE, token, slot));
    }

    /**
     * The holder has learnt that the slot is lost, and does nothing with it any more.
     *
     * @param pool its pool
     * @param slot which
     * @param token under which it was held
     */
    public void lost(String pool, int slot, long token) {
        record(Event.Kind.LOST, pool, NONE, token, slot);
    }

    /**
     * The holder has learnt that the slot is lost, and has done nothing with it for a while.
     *
     * @param pool its pool
     * @param slot which
     * @param token under which it was held
     * @param since when it stopped to use it, as {@link System#nanoTime} counts
     */
    public void lost(String pool, int slot, long token, long since) {
        add(new Event(Event.Kind.LOST, since, process, pool, NONE, token, slot));
    }

    /**
     * A request is about to give up: cancelled or out of time.
     *
     * @param pool its pool
     * @param request its id
     */
    public void left(String pool, String request) {
        record(Event.Kind.LEFT, pool, request, 0, -1);
    }

    /**
     * A process is about to be killed: what it holds now, and does not give back, it has held until now.
     *
     * @param victim its name
     */
    public void killed(String victim) {
        add(new Event(Event.Kind.KILLED, System.nanoTime(), victim, NONE, NONE, 0, -1));
    }

    /**
     * A process is about to be stopped. What it holds now and reports as lost later, it has held until now.
     *
     * @param victim its name
     */
    public void frozen(String victim) {
        add(new Event(Event.Kind.FROZEN, System.nanoTime(), victim, NONE, NONE, 0, -1));
    }

    /**
     * What was recorded so far.
     *
     * @return a copy, oldest first
     */
    public List<Event> events() {
        return sorted(List.copyOf(events));
    }

    /** Closes the file, if there is one. */
    @Override
    public void close() {
        if (file != null) {
            try {
                file.close();
            } catch (IOException failed) {
                throw new UncheckedIOException(failed);
            }
        }
    }

    private void record(Event.Kind kind, String pool, String request, long ticket, int slot) {
        add(new Event(kind, System.nanoTime(), process, pool, request, ticket, slot));
    }

    private void add(Event event) {
        events.add(event);
        if (file != null) {
            write(event);
        }
    }

    private void write(Event event) {
        var line = ByteBuffer.wrap((event.toLine() + "\n").getBytes(StandardCharsets.UTF_8));
        try {
            synchronized (file) {
                while (line.hasRemaining()) {
                    file.write(line);
                }
            }
        } catch (IOException failed) {
            throw new UncheckedIOException(failed);
        }
    }

    private static List<Event> read(Path file) {
        try {
            var text = Files.readString(file);
            return text.substring(0, text.lastIndexOf('\n') + 1)
                    .lines()
                    .map(Event::parse)
                    .toList();
        } catch (IOException failed) {
            throw new UncheckedIOException(failed);
        }
    }

    private static List<Event> sorted(List<Event> events) {
        return events.stream().sorted(Comparator.comparingLong(Event::nanos)).toList();
    }
}

package io.numpool.bench;

import io.numpool.bench.contender.Assignment;
import io.numpool.bench.contender.Slots;
import io.numpool.bench.report.Json;
import io.numpool.bench.round.ProcessResult;
import io.numpool.bench.tally.Moments;
import io.numpool.bench.tally.ProcessMeter;
import io.numpool.bench.tally.Sleep;
import io.numpool.bench.tally.Tally;
import io.numpool.bench.tally.Waits;
import io.numpool.bench.tally.Window;
import java.io.BufferedOutputStream;
import java.io.BufferedReader;
import java.io.DataOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAdder;
import org.HdrHistogram.Histogram;

/**
 * One client process of a round: gets its assignment as the argument, says that it is ready, reads when the window is, works until that is
 * over, and tells what it has measured. It ends with 1, and says why, when anything goes wrong.
 */
public final class WorkerProcess {
    /** The line that says so. */
    public static final String READY = "ready";

    /** Before begin and end of the window, on the line that lets it go. */
    public static final String GO = "go ";

    /** Before the result, on its line. */
    public static final String RESULT = "result ";

    private static final long DRAIN_SECONDS = 120;

    private final Assignment assignment;
    private final Window window = new Window();
    private final Histogram waits = Waits.atomic();
    private final LongAdder pairs = new LongAdder();
    private final List<Tally> tallies = new ArrayList<>();

    private WorkerProcess(Assignment assignment) {
        this.assignment = assignment;
        for (var i = 0; i < assignment.workers(); i++) {
            var moments = assignment.momentsFile() == null ? null : new Moments();
            tallies.add(new Tally(window, waits, pairs, moments));
        }
    }

    public static void main(String[] arguments) {
        try {
            new WorkerProcess(Json.parse(arguments[0], Assignment.class)).run();
        } catch (Throwable failed) {
            failed.printStackTrace();
            System.exit(1);
        }
        System.exit(0); // some libraries leave threads
    }

    private void run() throws Exception {
        try (var slots = assignment.contender().open(assignment)) {
            slots.prepare(tallies);
            say(READY);
            var bounds = readBounds();
            say(RESULT + Json.line(measure(slots, bounds[0], bounds[1])));
        }
    }

    private ProcessResult measure(Slots slots, long begin, long end) throws Exception {
        window.set(begin, end);
        var ended = slots.start(tallies);
        Sleep.until(begin);
        var meter = ProcessMeter.start(pairs);
        Sleep.until(end);
        var used = meter.stop();
        ended.get(DRAIN_SECONDS, TimeUnit.SECONDS);
        writeMoments();
        return new ProcessResult(pairs.sum(), Waits.encoded(waits), used, slots.figures());
    }

    private void writeMoments() throws IOException {
        if (assignment.momentsFile() == null) {
            return;
        }
        var file = Path.of(assignment.momentsFile());
        try (var out = new DataOutputStream(new BufferedOutputStream(Files.newOutputStream(file)))) {
            for (var worker = 0; worker < tallies.size(); worker++) {
                tallies.get(worker).moments().writeTo(out, worker);
            }
        }
    }

    private static long[] readBounds() throws IOException {
        var line = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.US_ASCII)).readLine();
        if (line == null || !line.startsWith(GO)) {
            throw new EOFException("Nobody says when to begin: " + line);
        }
        var words = line.substring(GO.length()).split(" ");
        return new long[] {Long.parseLong(words[0]), Long.parseLong(words[1])};
    }

    private static void say(String line) {
        System.out.println(line);
        System.out.flush();
    }
}

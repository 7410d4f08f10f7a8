package io.numpool.cli.internal.demo;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The file in which one process writes down what it held; what is written survives the process's death. */
final class History implements AutoCloseable {
    private static final String PREFIX = "worker-";

    private final FileChannel file;

    private History(FileChannel file) {
        this.file = file;
    }

    static History create(Path folder, int worker) throws IOException {
        return new History(FileChannel.open(
                folder.resolve(PREFIX + worker), StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE));
    }

    void started(int slot, long ticket, long askNanos) {
        write("start " + slot + " " + ticket + " " + askNanos + " " + System.nanoTime());
    }

    void ended(long ticket) {
        write("end " + ticket + " " + System.nanoTime());
    }

    private void write(String line) {
        try {
            file.write(ByteBuffer.wrap((line + "\n").getBytes(StandardCharsets.US_ASCII)));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Override
    public void close() throws IOException {
        file.close();
    }

    /** The files of all processes; whoever was killed ends at the kill. */
    static List<Interval> merge(Path folder, List<Kill> kills) throws IOException {
        List<Interval> merged = new ArrayList<>();
        try (var files = Files.list(folder)) {
            for (var file : files.filter(f -> f.getFileName().toString().startsWith(PREFIX))
                    .toList()) {
                merged.addAll(read(file));
            }
        }
        Map<Integer, Long> ends = new LinkedHashMap<>();
        kills.forEach(kill -> ends.put(kill.worker(), kill.nanos()));
        merged.replaceAll(i -> i.isOpen() && ends.containsKey(i.worker()) ? i.endedAt(ends.get(i.worker())) : i);
        return merged;
    }

    private static List<Interval> read(Path file) throws IOException {
        var worker = Integer.parseInt(file.getFileName().toString().substring(PREFIX.length()));
        Map<Long, Interval> byTicket = new LinkedHashMap<>();
        var text = Files.readString(file, StandardCharsets.US_ASCII);
        // A line without its end is still being written, or its writer was killed in the middle of it.
        for (var line : text.substring(0, text.lastIndexOf('\n') + 1).split("\n")) {
            var words = line.split(" ");
            if (words[0].equals("start")) {
                var ticket = Long.parseLong(words[2]);
                byTicket.put(
                        ticket,
                        new Interval(
                                worker,
                                Integer.parseInt(words[1]),
                                ticket,
                                Long.parseLong(words[3]),
                                Long.parseLong(words[4]),
                                Interval.OPEN));
            } else if (words[0].equals("end")) {
                byTicket.computeIfPresent(
                        Long.valueOf(words[1]), (ticket, open) -> open.endedAt(Long.parseLong(words[2])));
            }
        }
        return List.copyOf(byTicket.values());
    }
}

package io.numpool.bench.order;

import java.io.BufferedInputStream;
import java.io.DataInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * One acquire of a round, from asking to the release, in nanoseconds of the clock that all processes of the machine share.
 *
 * @param process its number in the round
 * @param worker its number in the process
 * @param asked just before it was asked for
 * @param granted just after it was there
 * @param released just before it was given back
 * @param slot or -1
 * @param token or 0
 */
public record Acquire(int process, int worker, long asked, long granted, long released, int slot, long token) {
    /**
     * Reads what a process has written.
     *
     * @param file by {@link io.numpool.bench.tally.Moments#writeTo}, worker after worker
     * @param process its number
     * @return all of them
     * @throws IOException when it cannot be read
     */
    public static List<Acquire> read(Path file, int process) throws IOException {
        var all = new ArrayList<Acquire>();
        try (var in = new DataInputStream(new BufferedInputStream(Files.newInputStream(file)))) {
            while (true) {
                var worker = (int) in.readLong();
                all.add(new Acquire(
                        process,
                        worker,
                        in.readLong(),
                        in.readLong(),
                        in.readLong(),
                        (int) in.readLong(),
                        in.readLong()));
            }
        } catch (EOFException end) {
            return all;
        }
    }
}

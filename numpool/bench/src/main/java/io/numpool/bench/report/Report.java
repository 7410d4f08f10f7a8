package io.numpool.bench.report;

import io.numpool.bench.round.Timing;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * A whole run.
 *
 * @param date when it ended, in UTC
 * @param minutes how long it took
 * @param timing of its rounds
 * @param machine where
 * @param works in their order
 * @param aims what was to be reached, and was or was not
 * @param settings of each contender that took part, by its title
 */
public record Report(
        String date,
        double minutes,
        Timing timing,
        Machine machine,
        List<WorkReport> works,
        List<AimResult> aims,
        Map<String, String> settings) {
    /** The name of its file. */
    public static final String FILE = "report.json";

    public Optional<WorkReport> work(String name) {
        return works.stream().filter(work -> work.name().equals(name)).findFirst();
    }

    /**
     * Reads one.
     *
     * @param file written by {@link #write}
     * @throws IOException when it cannot be read
     * @throws IllegalArgumentException when it is no report
     */
    public static Report read(Path file) throws IOException {
        return Json.parse(Files.readString(file), Report.class);
    }

    /**
     * Writes JSON, Markdown and plots.
     *
     * @param folder is made when it is not there
     * @throws IOException when that fails
     */
    public void write(Path folder) throws IOException {
        Files.createDirectories(folder);
        Json.write(folder.resolve(FILE), this);
        var plots = Plots.write(this, folder);
        Files.writeString(folder.resolve("report.md"), new Markdown(this, plots).text());
    }
}

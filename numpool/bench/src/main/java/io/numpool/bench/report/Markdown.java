package io.numpool.bench.report;

import static io.numpool.bench.report.Figure.ALLOCATED_BYTES_PER_PAIR;
import static io.numpool.bench.report.Figure.CLIENT_CPU_MICROS_PER_PAIR;
import static io.numpool.bench.report.Figure.CORRECTED_P99_MICROS;
import static io.numpool.bench.report.Figure.OVERTAKEN_SHARE;
import static io.numpool.bench.report.Figure.PAIRS_PER_SECOND;
import static io.numpool.bench.report.Figure.SERVER_CPU_MICROS_PER_PAIR;
import static io.numpool.bench.report.Figure.WAIT_P50_MICROS;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Function;

/** A report for people. */
final class Markdown {
    /** What is shown of a figure, under which heading. */
    private static final Map<String, Function<Outcome, String>> COLUMNS = new LinkedHashMap<>();

    /** Shown in a table of their own where a work has them. */
    private static final Map<Figure, Function<Double, String>> EXTRAS = new LinkedHashMap<>();

    static {
        COLUMNS.put("", Outcome::label);
        COLUMNS.put("pairs/s", outcome -> Texts.countSpread(outcome.figures().get(PAIRS_PER_SECOND)));
        COLUMNS.put("wait p50", shown(WAIT_P50_MICROS, Texts::micros));
        COLUMNS.put("p99, corrected", shown(CORRECTED_P99_MICROS, Texts::micros));
        COLUMNS.put("client CPU per pair", shown(CLIENT_CPU_MICROS_PER_PAIR, Texts::micros));
        COLUMNS.put("server CPU per pair", shown(SERVER_CPU_MICROS_PER_PAIR, Texts::micros));
        COLUMNS.put("bytes per pair", shown(ALLOCATED_BYTES_PER_PAIR, Texts::count));
        COLUMNS.put("overtaken", shown(OVERTAKEN_SHARE, Texts::percent));

        EXTRAS.put(Figure.HAND_OVER_P50_MICROS, Texts::micros);
        EXTRAS.put(Figure.HAND_OVER_P99_MICROS, Texts::micros);
        EXTRAS.put(Figure.HAND_OVER_SHARE, Texts::percent);
        EXTRAS.put(Figure.OVERTAKES_BY_TICKET, Texts::count);
        EXTRAS.put(Figure.DOUBLE_GRANTS, Texts::count);
        EXTRAS.put(Figure.HEAP_BYTES, Texts::count);
        EXTRAS.put(Figure.CONNECTIONS, Texts::count);
        EXTRAS.put(Figure.CONNECTIONS_ALLOWED, Texts::count);
        EXTRAS.put(Figure.GRANTS_FROM_OTHERS, Texts::count);
        EXTRAS.put(Figure.WAKE_UPS_PER_GRANT, value -> Texts.format("%.3f", value));
    }

    private final Report report;
    private final List<String> plots;
    private final StringBuilder text = new StringBuilder();

    /**
     * Of one report.
     *
     * @param report what is told
     * @param plots names of pictures beside the text
     */
    Markdown(Report report, List<String> plots) {
        this.report = report;
        this.plots = plots;
    }

    String text() {
        text.setLength(0);
        head();
        aims();
        plots.forEach(plot -> line("![%s](%s)".formatted(plot.replace(".png", ""), plot), ""));
        report.works().forEach(this::work);
        settings();
        machine();
        return text.toString();
    }

    private void head() {
        var timing = report.timing();
        line("# numpool and its peers, " + report.date().substring(0, "2000-01-01".length()), "");
        line(
                "%d cores (%s), clients and servers together. Closed loops; %d s of warm-up, then %d s that count; %s. The run took %s minutes."
                        .formatted(
                                report.machine().cores(),
                                report.machine().cpu(),
                                timing.warmUpSeconds(),
                                timing.seconds(),
                                timing.repetitions() == 1
                                        ? "one repetition"
                                        : timing.repetitions()
                                                + " repetitions of all contenders in turn, medians (least–most)",
                                Texts.digits(report.minutes())),
                "");
    }

    private void aims() {
        line("## Aims", "");
        var rows = new ArrayList<List<String>>();
        for (var aim : report.aims()) {
            var holds = aim.holds() == null ? "not measured" : aim.holds() ? "yes" : "**no**";
            rows.add(List.of("`" + aim.work() + "`", aim.aim(), aim.measured() == null ? "" : aim.measured(), holds));
        }
        table(List.of("work", "aim", "measured", "holds"), rows);
    }

    private void work(WorkReport work) {
        line("## " + work.name(), "", sentence(work.about()), "");
        var headings = COLUMNS.keySet().stream()
                .filter(heading -> heading.isEmpty() || anyShows(work, COLUMNS.get(heading)))
                .toList();
        table(
                headings,
                work.outcomes().stream()
                        .map(outcome -> headings.stream()
                                .map(heading -> COLUMNS.get(heading).apply(outcome))
                                .toList())
                        .toList());
        extras(work);
    }

    private void extras(WorkReport work) {
        var figures = EXTRAS.keySet().stream()
                .filter(figure -> anyShows(work, shown(figure, EXTRAS.get(figure))))
                .toList();
        if (figures.isEmpty()) {
            return;
        }
        var headings = new ArrayList<>(List.of(""));
        figures.forEach(figure -> headings.add(heading(figure)));
        var rows = new ArrayList<List<String>>();
        for (var outcome : work.outcomes()) {
            var row = new ArrayList<>(List.of(outcome.label()));
            figures.forEach(figure -> row.add(shown(figure, EXTRAS.get(figure)).apply(outcome)));
            if (row.stream().skip(1).anyMatch(cell -> !cell.isEmpty())) {
                rows.add(row);
            }
        }
        table(headings, rows);
    }

    private void settings() {
        line("## How each is used", "");
        report.settings().forEach((title, setting) -> line("- **" + title + "**: " + setting));
        line("");
        line(
                "Waits are from asking to the grant, in the client. Corrected: as callers would see them that go on asking at the worker's mean pace"
                        + " while it waits (HdrHistogram's correction for coordinated omission). CPU of clients and servers is the operating"
                        + " system's count in the window. Bytes are allocated by the client's threads, about 100 a pair of them by the"
                        + " benchmark itself where it keeps moments. Overtaken: another asked at least 10 ms later and was served earlier,"
                        + " by the clients' clocks.",
                "");
    }

    private void machine() {
        var machine = report.machine();
        line("## Machine", "");
        var rows = new ArrayList<List<String>>();
        rows.add(List.of("processor", machine.cores() + " cores, " + machine.cpu()));
        rows.add(List.of("memory", Texts.count(machine.memoryBytes() / Math.pow(2, 20)) + " MiB"));
        rows.add(List.of("system", machine.os()));
        rows.add(List.of("JDK", machine.jdk()));
        machine.versions().forEach((what, version) -> rows.add(List.of(what, version)));
        machine.postgres().forEach((what, value) -> rows.add(List.of("PostgreSQL: " + what, value)));
        table(List.of("", ""), rows);
    }

    private static Function<Outcome, String> shown(Figure figure, Function<Double, String> format) {
        return outcome -> outcome.median(figure).isPresent()
                ? format.apply(outcome.median(figure).getAsDouble())
                : "";
    }

    private static boolean anyShows(WorkReport work, Function<Outcome, String> column) {
        return work.outcomes().stream()
                .anyMatch(outcome -> !column.apply(outcome).isEmpty());
    }

    private static String heading(Figure figure) {
        return figure.name().toLowerCase(Locale.ROOT).replace('_', ' ').replace(" micros", "");
    }

    private static String sentence(String words) {
        return Character.toUpperCase(words.charAt(0)) + words.substring(1) + ".";
    }

    private void table(List<String> headings, List<List<String>> rows) {
        line("| " + String.join(" | ", headings) + " |");
        line("|" + " --- |".repeat(headings.size()));
        rows.forEach(row -> line("| " + String.join(" | ", row) + " |"));
        line("");
    }

    private void line(String... lines) {
        for (var line : lines) {
            text.append(line).append('\n');
        }
    }
}

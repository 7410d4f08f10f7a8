package io.numpool.bench;

import io.numpool.bench.contender.Contender;
import io.numpool.bench.report.Aims;
import io.numpool.bench.report.Machine;
import io.numpool.bench.report.Plots;
import io.numpool.bench.report.Ratio;
import io.numpool.bench.report.RatioCheck;
import io.numpool.bench.report.Report;
import io.numpool.bench.report.WorkReport;
import io.numpool.bench.round.Rounds;
import io.numpool.bench.round.Timing;
import io.numpool.bench.server.Servers;
import io.numpool.bench.work.Work;
import io.numpool.bench.work.Works;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** Measures numpool beside its peers, and beside PostgreSQL itself, and writes a report. */
@Command(
        name = "bench",
        description =
                "Measures numpool beside its peers and beside PostgreSQL itself; writes JSON, Markdown and plots.",
        mixinStandardHelpOptions = true,
        footer = {
            "",
            "Exit code 1: worse than the stored report. 2: wrong usage, or something is missing. 3: it failed."
        })
public final class Bench implements Callable<Integer> {
    private static final int WORSE = 1;
    private static final int USAGE = 2;
    private static final int FAILED = 3;

    private static final int MOST_SECONDS = 3600;
    private static final int MOST_REPETITIONS = 100;
    private static final Timing USUAL = new Timing(6, 6, 3);
    private static final Timing QUICK = new Timing(2, 2, 1);

    @Spec
    private CommandSpec spec;

    @Option(names = "--work", paramLabel = "NAME", description = "What to measure; may be repeated. All by default.")
    private List<String> names = List.of();

    @Option(
            names = "--contender",
            paramLabel = "NAME",
            description = "Whom to measure; may be repeated. All by default. One of ${COMPLETION-CANDIDATES}.")
    private Set<Contender> contenders = Set.of();

    @Option(names = "--quick", description = "A few works and contenders, for a short time: for CI.")
    private boolean quick;

    @Option(
            names = "--warm-up",
            paramLabel = "SECONDS",
            description = "Before each measurement; 6 by default, 2 if quick.")
    private Integer warmUp;

    @Option(names = "--seconds", paramLabel = "SECONDS", description = "Of each measurement; 6 by default, 2 if quick.")
    private Integer seconds;

    @Option(names = "--repetitions", paramLabel = "N", description = "Of each measurement; 3 by default, 1 if quick.")
    private Integer repetitions;

    @Option(
            names = "--out",
            paramLabel = "DIR",
            description = "Where the report goes; ${DEFAULT-VALUE} by default.",
            defaultValue = "numpool/bench/report")
    private Path out;

    @Option(
            names = "--check",
            paramLabel = "STORED.json",
            description = "A stored report: fails when a ratio of this run is worse by more than a third.")
    private Path stored;

    public static void main(String[] arguments) {
        try {
            System.exit(commandLine().execute(arguments));
        } catch (Throwable failed) { // such as an AssertionError of the testkit
            failed.printStackTrace();
            System.exit(FAILED);
        }
    }

    static CommandLine commandLine() {
        return new CommandLine(new Bench())
                .setCaseInsensitiveEnumValuesAllowed(true)
                .setExecutionExceptionHandler((failed, line, result) -> {
                    if (failed instanceof BenchException || failed instanceof MissingException) {
                        line.getErr().println("bench: " + failed.getMessage());
                        return failed instanceof MissingException ? USAGE : FAILED;
                    }
                    throw failed;
                });
    }

    @Override
    public Integer call() throws Exception {
        var timing = timing();
        var works = works();
        if (works.isEmpty()) {
            throw wrong("--contender " + contenders + ": none of them does any of the works that are asked for");
        }
        var ratiosThen = stored == null ? List.<Ratio>of() : Ratio.of(readStored());
        Plots.requireFonts();
        Servers.require(works.stream()
                .flatMap(work -> work.plans().stream())
                .map(plan -> plan.contender().server())
                .collect(Collectors.toSet()));
        var report = measure(works, timing);
        report.write(out);
        System.out.println("Report in " + out);
        return stored == null ? CommandLine.ExitCode.OK : check(Ratio.of(report), ratiosThen);
    }

    private Report measure(List<Work> works, Timing timing) throws Exception {
        var started = System.nanoTime();
        try (var servers = new Servers()) {
            var rounds = new Rounds(servers, timing, System.out);
            var reports = new ArrayList<WorkReport>();
            for (var work : works) {
                var outcomes = rounds.run(work.name(), work.plans(), work.mostRepetitions());
                reports.add(new WorkReport(work.name(), work.about(), outcomes));
            }
            return new Report(
                    Instant.now().truncatedTo(ChronoUnit.SECONDS).toString(),
                    Duration.ofNanos(System.nanoTime() - started).toSeconds() / 60.0,
                    timing,
                    Machine.here(servers.versions(), servers.postgresSettings()),
                    reports,
                    Aims.judge(reports),
                    settings(works));
        }
    }

    private static Map<String, String> settings(List<Work> works) {
        var settings = new LinkedHashMap<String, String>();
        var jvms = new LinkedHashSet<String>();
        for (var work : works) {
            for (var plan : work.plans()) {
                var contender = plan.contender();
                settings.computeIfAbsent(contender.title(), title -> contender.settings());
                jvms.add("-XX:+UseSerialGC " + String.join(" ", plan.options()));
            }
        }
        settings.put("JVMs of clients", String.join("; ", jvms));
        return settings;
    }

    private static int check(List<Ratio> now, List<Ratio> then) {
        var checks = RatioCheck.compare(now, then);
        checks.forEach(System.out::println);
        var worse = checks.stream().filter(check -> !check.holds()).count();
        System.out.printf("%d of %d ratios are worse than stored by more than a third%n", worse, checks.size());
        return worse == 0 ? CommandLine.ExitCode.OK : WORSE;
    }

    private List<Work> works() {
        var known = quick ? Works.quick() : Works.all();
        for (var name : names) {
            if (known.stream().noneMatch(work -> work.name().equals(name))) {
                var all = known.stream().map(Work::name).collect(Collectors.joining(", "));
                throw wrong("--work " + name + ": one of " + all);
            }
        }
        return known.stream()
                .filter(work -> names.isEmpty() || names.contains(work.name()))
                .map(work -> contenders.isEmpty() ? work : work.only(contenders))
                .filter(work -> !work.plans().isEmpty())
                .toList();
    }

    private Timing timing() {
        var usual = quick ? QUICK : USUAL;
        return new Timing(
                inRange("--warm-up", warmUp, usual.warmUpSeconds(), 0, MOST_SECONDS),
                inRange("--seconds", seconds, usual.seconds(), 1, MOST_SECONDS),
                inRange("--repetitions", repetitions, usual.repetitions(), 1, MOST_REPETITIONS));
    }

    private int inRange(String option, Integer given, int usual, int least, int most) {
        var value = given == null ? usual : given;
        if (value < least || value > most) {
            throw wrong("%s %d: %d to %d".formatted(option, value, least, most));
        }
        return value;
    }

    private Report readStored() throws IOException {
        if (!Files.isRegularFile(stored)) {
            throw wrong("--check " + stored + ": a report that an earlier run has written as " + Report.FILE
                    + ", and there is no such file");
        }
        try {
            return Report.read(stored);
        } catch (IllegalArgumentException broken) {
            throw wrong("--check " + stored + ": a report that an earlier run has written as " + Report.FILE
                    + ", and this is none");
        }
    }

    private ParameterException wrong(String message) {
        return new ParameterException(spec.commandLine(), message);
    }
}

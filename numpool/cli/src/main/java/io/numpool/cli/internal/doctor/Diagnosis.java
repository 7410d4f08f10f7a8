package io.numpool.cli.internal.doctor;

import io.numpool.cli.internal.output.Style;
import io.numpool.cli.internal.output.Visible;
import java.util.List;

/** What was looked at, and what was found. The json contract. */
public record Diagnosis(boolean ok, String schema, List<Check> checks) {
    private static final String LINE = "%-6s  %-13s  %s\n";
    private static final String BELOW = " ".repeat(23);

    static Diagnosis of(String schema, List<Check> checks) {
        var ok = checks.stream().noneMatch(check -> check.state() == Check.State.found);
        return new Diagnosis(ok, schema, checks);
    }

    /** A line for each that is well; for each finding a line and what to do about it. */
    public String text(Style style) {
        var text = new StringBuilder();
        for (var check : checks) {
            if (check.state() == Check.State.ok) {
                text.append(line(style, check, check.about()));
            }
            for (var finding : check.findings()) {
                text.append(line(style, check, finding.text()));
                text.append(BELOW)
                        .append(style.faint(Visible.text(finding.advice())))
                        .append('\n');
            }
        }
        return text.toString();
    }

    private static String line(Style style, Check check, String what) {
        var line = String.format(LINE, check.state(), check.check(), Visible.text(what));
        var word = check.state().name();
        var coloured =
                switch (check.state()) {
                    case ok -> style.green(word);
                    case found -> style.red(word);
                    case unseen -> style.yellow(word);
                };
        return coloured + line.substring(word.length());
    }
}

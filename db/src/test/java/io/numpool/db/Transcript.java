package io.numpool.db;

import java.util.ArrayList;
import java.util.List;
import java.util.function.UnaryOperator;

/**
 * A psql session as a document shows it: commands behind the prompts {@code =>} and {@code ->}, remarks that begin with {@code -- }, and
 * between them what psql prints.
 */
record Transcript(List<Step> steps) {
    private static final String PROMPT = "=> ";
    private static final String GOES_ON = "-> ";
    private static final String REMARK = "-- ";

    /** A command, and the answer to it; {@code line} is where the document has it, 1 is the first. */
    record Step(int line, String command, String answer) {}

    /** What the document has between a line {@code ```language} and the next {@code ```}. */
    static Transcript of(List<String> document, String language) {
        var first = document.indexOf("```" + language) + 1;
        var length = document.subList(first, document.size()).indexOf("```");
        if (first == 0 || length < 0) {
            throw new IllegalArgumentException("no block of " + language);
        }
        return parse(document.subList(first, first + length), first + 1);
    }

    private static Transcript parse(List<String> lines, int firstLine) {
        var steps = new ArrayList<Step>();
        for (var i = 0; i < lines.size(); i++) {
            var line = lines.get(i);
            if (line.startsWith(PROMPT)) {
                steps.add(new Step(firstLine + i, line.substring(PROMPT.length()), ""));
            } else if (line.startsWith(GOES_ON)) {
                change(steps, step -> new Step(step.line, step.command + "\n" + line.substring(GOES_ON.length()), ""));
            } else if (!line.startsWith(REMARK)) {
                change(steps, step -> new Step(step.line, step.command, step.answer + line.stripTrailing() + "\n"));
            }
        }
        return new Transcript(steps.stream()
                .map(step -> new Step(step.line, step.command, step.answer.stripTrailing()))
                .toList());
    }

    private static void change(List<Step> steps, UnaryOperator<Step> change) {
        steps.set(steps.size() - 1, change.apply(steps.get(steps.size() - 1)));
    }
}

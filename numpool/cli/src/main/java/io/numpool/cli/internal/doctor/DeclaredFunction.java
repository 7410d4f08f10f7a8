package io.numpool.cli.internal.doctor;

import io.numpool.db.Line;
import io.numpool.db.Migrations;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;

/** A function as the migrations make it, with its settings as the catalog writes them: {@code jit=off}. */
record DeclaredFunction(String name, List<String> settings) {
    private static final Pattern HEAD = Pattern.compile(
            "^CREATE (?:OR REPLACE )?FUNCTION (\\w+)\\((.*?)AS \\$\\$", Pattern.DOTALL | Pattern.MULTILINE);
    private static final Pattern SETTING = Pattern.compile("\\bSET (\\w+) = '?(\\w+)'?");

    /** Of the newest version. */
    static List<DeclaredFunction> all() {
        Map<String, DeclaredFunction> newest = new LinkedHashMap<>();
        for (var script : Migrations.of(Line.POOL).scripts()) {
            HEAD.matcher(script.sql())
                    .results()
                    .forEach(head ->
                            newest.put(head.group(1), new DeclaredFunction(head.group(1), settings(head.group(2)))));
        }
        return new ArrayList<>(newest.values());
    }

    private static List<String> settings(String head) {
        return SETTING.matcher(head)
                .results()
                .map(setting -> setting.group(1) + "=" + setting.group(2))
                .toList();
    }
}

package io.numpool.cli.internal.demo;

import io.numpool.cli.internal.output.Style;

/** What the demo answers; the names are the json contract. */
public record DemoReport(
        int grants,
        int doubleGrants,
        int overtakes,
        long longestWaitMillis,
        Long reclaimMillis,
        int unreclaimed,
        long reclaimBoundMillis,
        boolean promisesKept,
        int workers,
        int slots,
        int seconds,
        int kills,
        String serverVersion,
        String fsync,
        String synchronousCommit) {

    static DemoReport of(DemoSettings settings, Durability durability, Verdict verdict) {
        return new DemoReport(
                verdict.grants(),
                verdict.doubleGrants(),
                verdict.overtakes(),
                verdict.longestWaitMillis(),
                verdict.reclaimMillis(),
                verdict.unreclaimed(),
                Verdict.RECLAIM_BOUND_MILLIS,
                verdict.promisesKept(),
                settings.workers(),
                settings.slots(),
                settings.seconds(),
                settings.kills(),
                durability.serverVersion(),
                durability.fsync(),
                durability.synchronousCommit());
    }

    public String text(Style style) {
        var text = new StringBuilder("\nVerdict, from the files of " + (workers + kills) + " processes, PostgreSQL "
                + serverVersion + ", fsync " + fsync + ":\n");
        line(text, "grants", Integer.toString(grants), grants > 0, style);
        line(text, "double grants", Integer.toString(doubleGrants), doubleGrants == 0, style);
        line(text, "overtakes", Integer.toString(overtakes), overtakes == 0, style);
        text.append(String.format("  %-28s %8d ms%n", "longest wait", longestWaitMillis));
        if (kills > 0) {
            var millis = reclaimMillis == null ? "never" : reclaimMillis + " ms";
            line(
                    text,
                    "from SIGKILL to next grant",
                    millis,
                    reclaimMillis != null && reclaimMillis <= reclaimBoundMillis,
                    style);
        }
        return text.append(promisesKept ? style.green("All promises kept.\n") : style.red("A promise was broken.\n"))
                .toString();
    }

    private void line(StringBuilder text, String what, String value, boolean kept, Style style) {
        var unit = value.endsWith(" ms") ? "" : "   ";
        text.append(String.format(
                "  %-28s %11s  %s%n", what, value + unit, kept ? style.green("ok") : style.red("BROKEN")));
    }
}

package io.numpool.bench.report;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.numpool.bench.contender.Contender;
import java.util.List;
import org.junit.jupiter.api.Test;

class MarkdownTest {
    private static final String JSON = """
            {
              "date": "2026-07-01T12:00:00Z", "minutes": 12.5,
              "timing": {"warmUpSeconds": 6, "seconds": 6, "repetitions": 3},
              "machine": {"cores": 2, "cpu": "A processor", "memoryBytes": 8589934592, "os": "Linux", "jdk": "A JVM",
                "versions": {"Redis": "7.0.15"}, "postgres": {"fsync": "on"}},
              "works": [{"name": "1x64-4", "about": "many for few", "outcomes": [
                {"contender": "NUMPOOL", "label": "numpool", "workers": 64, "waits": [],
                  "figures": {
                    "PAIRS_PER_SECOND": {"median": 12345.6, "min": 12000, "max": 13000},
                    "WAIT_P50_MICROS": {"median": 83.2, "min": 80, "max": 90},
                    "OVERTAKEN_SHARE": {"median": 0.0123, "min": 0, "max": 1},
                    "OVERTAKES_BY_TICKET": {"median": 0, "min": 0, "max": 0}}},
                {"contender": "CURATOR", "label": "Curator semaphore", "workers": 64, "waits": [],
                  "figures": {"PAIRS_PER_SECOND": {"median": 100, "min": 100, "max": 100}}}]}],
              "aims": [{"work": "1x64-4", "aim": "fast", "measured": "slow", "holds": false},
                {"work": "4x16-4", "aim": "fair", "measured": null, "holds": null}],
              "settings": {"numpool": "by its defaults"}
            }""";

    private final String text = new Markdown(Json.parse(JSON, Report.class), List.of("throughput.png")).text();

    @Test
    void aWorkIsATableOfWhatIsKnown() {
        assertTrue(text.contains("""
                ## 1x64-4

                Many for few.

                |  | pairs/s | wait p50 | overtaken |
                | --- | --- | --- | --- |
                | numpool | 12,346 (12,000–13,000) | 83.2 µs | 1.23 % |
                | Curator semaphore | 100 |  |  |
                """), text);
    }

    @Test
    void whatOnlySomeHaveIsATableOfTheirs() {
        assertTrue(text.contains("""
                |  | overtakes by ticket |
                | --- | --- |
                | numpool | 0 |
                """), text);
    }

    @Test
    void everyAimIsThere() {
        assertTrue(text.contains("| `1x64-4` | fast | slow | **no** |"), text);
        assertTrue(text.contains("| `4x16-4` | fair |  | not measured |"), text);
    }

    @Test
    void dateMachineSettingsAndPlotsAreThere() {
        assertTrue(text.startsWith("# numpool and its peers, 2026-07-01\n"), text);
        assertTrue(text.contains("2 cores (A processor)"), text);
        assertTrue(text.contains("| PostgreSQL: fsync | on |"), text);
        assertTrue(text.contains("- **numpool**: by its defaults"), text);
        assertTrue(text.contains("![throughput](throughput.png)"), text);
    }

    @Test
    void aReportIsReadAsItWasWritten() {
        var report = Reports.of(
                new WorkReport("1x64-4", "many for few", List.of(Reports.outcome(Contender.NUMPOOL, 1000, 2000))));
        assertEquals(report, Json.parse(Json.line(report), Report.class));
    }
}

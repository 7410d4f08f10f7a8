package io.numpool.cli.internal.output;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.numpool.Holder;
import io.numpool.Participant;
import io.numpool.PoolStatus;
import io.numpool.Waiter;
import java.time.Instant;
import java.util.List;
import org.junit.jupiter.api.Test;

class PoolReportTest {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final Instant SINCE = Instant.parse("2026-01-02T03:04:05.678Z");
    private static final Participant SOMEBODY = new Participant(42, "billing", "host1", 4711);
    private static final PoolStatus BUSY = new PoolStatus(
            "gpu",
            2,
            List.of(new Holder(0, 1001, "nightly", SINCE, SOMEBODY), new Holder(1, 1002, null, SINCE, SOMEBODY)),
            List.of(new Waiter(1003, 1, null, SINCE, SOMEBODY), new Waiter(1004, 2, "me", SINCE, SOMEBODY)));

    private static JsonNode json(PoolReport report) throws Exception {
        return JSON.readTree(Printer.json(report));
    }

    @Test
    void theJsonOfABusyPool() throws Exception {
        var who = "\"session\": 42, \"application\": \"billing\", \"host\": \"host1\", \"pid\": 4711";
        var since = "\"since\": \"2026-01-02T03:04:05.678Z\", " + who;
        var expected = """
                {"id": "gpu", "capacity": 2, "held": 2, "free": 0, "waiting": 2, "metadata": {"a": 1},
                 "holders": [{"index": 0, "token": 1001, "label": "nightly", WHO}, {"index": 1, "token": 1002, "label": null, WHO}],
                 "queue": [{"ticket": 1003, "slots": 1, "label": null, WHO}, {"ticket": 1004, "slots": 2, "label": "me", WHO}]}
                """.replace("WHO", since);
        assertEquals(JSON.readTree(expected), json(PoolReport.of(BUSY, JSON.readTree("{\"a\": 1}"))));
    }

    @Test
    void theJsonOfAnIdlePoolHasTheSameNames() throws Exception {
        var idle = PoolReport.of(new PoolStatus("p", 3, List.of(), List.of()), null);
        assertEquals(JSON.readTree("""
                        {"id": "p", "capacity": 3, "held": 0, "free": 3, "waiting": 0, "metadata": null, "holders": [], "queue": []}
                        """), json(idle));
    }

    @Test
    void forAPersonATableOfHoldersAndOneOfTheQueue() {
        assertEquals("""
                gpu: 2 of 2 held, 2 waiting

                SLOT  TOKEN  LABEL    SINCE                     HOST    PID  APPLICATION
                   0   1001  nightly  2026-01-02T03:04:05.678Z  host1  4711  billing
                   1   1002  -        2026-01-02T03:04:05.678Z  host1  4711  billing

                PLACE  TICKET  SLOTS  LABEL  SINCE                     HOST    PID  APPLICATION
                    1    1003      1  -      2026-01-02T03:04:05.678Z  host1  4711  billing
                    2    1004      2  me     2026-01-02T03:04:05.678Z  host1  4711  billing
                """, PoolReport.of(BUSY, null).text(Style.PLAIN));
    }

    @Test
    void whereEachWaitsForOneSlotNothingIsSaidOfIt() {
        var single = new PoolStatus("p", 1, List.of(), List.of(new Waiter(1003, 1, "two\nlines", SINCE, SOMEBODY)));
        assertEquals("""
                p: 0 of 1 held, 1 waiting

                PLACE  TICKET  LABEL       SINCE                     HOST    PID  APPLICATION
                    1    1003  two\\nlines  2026-01-02T03:04:05.678Z  host1  4711  billing
                """, PoolReport.of(single, null).text(Style.PLAIN));
    }

    @Test
    void anIdlePoolIsOneLine() {
        var idle = PoolReport.of(new PoolStatus("p", 3, List.of(), List.of()), null);
        assertEquals("p: 0 of 3 held, 0 waiting\n", idle.text(Style.PLAIN));
    }
}

package io.numpool.bench.order;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.numpool.testkit.Violation;
import java.io.DataOutputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class HistoriesTest {
    @TempDir
    private Path folder;

    @Test
    void acquiresInTheOrderOfTheirTokensAreClean() {
        var verdict = Histories.check(
                "pool", List.of(acquire(0, 0, 10, 20, 1), acquire(1, 5, 21, 30, 2), acquire(0, 6, 31, 40, 3)));
        assertTrue(verdict.violations().isEmpty());
        assertEquals(3, verdict.grants());
    }

    @Test
    void twoHoldersOfASlotAreADoubleGrant() {
        var verdict = Histories.check("pool", List.of(acquire(0, 0, 10, 20, 1), acquire(1, 5, 19, 30, 2)));
        assertEquals(1, verdict.count(Violation.Rule.DOUBLE_GRANT));
    }

    @Test
    void aGrantIsAnothersWhenItWaitedForAReleaseInAnotherProcess() {
        var acquires = List.of(
                acquire(0, 0, 10, 20, 1), // nobody before it
                acquire(1, 5, 21, 30, 2), // waited for process 0
                acquire(1, 6, 31, 40, 3), // waited for its own process
                acquire(0, 41, 42, 50, 4)); // found the slot free
        assertEquals(Set.of(2L), ForeignGrants.tokens(acquires));
    }

    @Test
    void whatAProcessHasWrittenIsRead() throws IOException {
        var file = folder.resolve("moments");
        try (var out = new DataOutputStream(Files.newOutputStream(file))) {
            for (var value : new long[] {7, 1, 2, 3, 4, 5}) {
                out.writeLong(value);
            }
        }
        assertEquals(List.of(new Acquire(9, 7, 1, 2, 3, 4, 5)), Acquire.read(file, 9));
    }

    private static Acquire acquire(int process, long asked, long granted, long released, long token) {
        return new Acquire(process, 0, asked, granted, released, 0, token);
    }
}

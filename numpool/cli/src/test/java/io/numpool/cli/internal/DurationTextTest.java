package io.numpool.cli.internal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class DurationTextTest {
    @ParameterizedTest
    @CsvSource({
        "500ms, PT0.5S",
        "5s, PT5S",
        "2m, PT2M",
        "1.5h, PT1H30M",
        "1d, PT24H",
        "0, PT0S",
        "7, PT7S",
        "0.25s, PT0.25S",
        "5S, PT5S",
        "PT5S, PT5S",
        "pt1m30s, PT1M30S",
        "999999999999d, PT23999999999976H"
    })
    void isReadAsPeopleWriteIt(String text, String iso) {
        assertEquals(Duration.parse(iso), DurationText.parse(text));
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "s", "-5s", "PT-5S", "5 parsecs", "5s5", "1e3s", "five", "0x10"})
    void anythingElseIsRefusedWithItsNameAndTheFormsThatAreUnderstood(String text) {
        var refusal = assertThrows(IllegalArgumentException.class, () -> DurationText.parse(text));
        assertTrue(
                refusal.getMessage().startsWith("'" + text + "'")
                        && refusal.getMessage().contains("PT5S"),
                refusal.getMessage());
    }
}

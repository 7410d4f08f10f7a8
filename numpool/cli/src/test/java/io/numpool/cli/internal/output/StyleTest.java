package io.numpool.cli.internal.output;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.Map;
import org.junit.jupiter.api.Test;

class StyleTest {
    @Test
    void coloursAreForTerminals() {
        assertEquals("x", Style.PLAIN.red("x"));
        assertEquals("\u001b[31mx\u001b[0m", Style.COLOURED.red("x"));
        assertEquals("", Style.COLOURED.bold(""));
    }

    @Test
    void whoWantsNoneGetsNone() {
        assertEquals(Style.PLAIN, Terminal.STDOUT.style(Map.of("NO_COLOR", "1")));
        assertEquals(Style.PLAIN, Terminal.STDOUT.style(Map.of("TERM", "dumb")));
    }
}

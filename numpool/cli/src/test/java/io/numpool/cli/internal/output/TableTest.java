package io.numpool.cli.internal.output;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;

class TableTest {
    @Test
    void wordsStandToTheLeftNumbersToTheRightAndNothingBehindTheLast() {
        var table = new Table("POOL", "HELD", "LABEL").row("a", 7, "x").row("longer", 1234567, "yes");
        assertEquals("""
                POOL       HELD  LABEL
                a             7  x
                longer  1234567  yes
                """, table.text(Style.PLAIN));
    }

    @Test
    void whatIsMissingIsADash() {
        assertEquals("A  B\n-  1\n", new Table("A", "B").row(null, 1).text(Style.PLAIN));
    }

    @Test
    void onATerminalTheHeadIsFaint() {
        assertEquals("\u001b[2mA\u001b[0m\nx\n", new Table("A").row("x").text(Style.COLOURED));
    }
}

package io.numpool.cli.internal.output;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;

class PrinterTest {
    private final ByteArrayOutputStream out = new ByteArrayOutputStream();

    private String printed(Format format, Style style) {
        var stream = new PrintStream(out, false, StandardCharsets.UTF_8);
        new Printer(stream, format, style).print(new Thing("ü", null), s -> s.bold("for people") + "\n");
        return out.toString(StandardCharsets.UTF_8);
    }

    @Test
    void textIsForPeople() {
        assertEquals("for people\n", printed(Format.text, Style.PLAIN));
    }

    @Test
    void textMayBeColoured() {
        assertEquals("\u001b[1mfor people\u001b[0m\n", printed(Format.text, Style.COLOURED));
    }

    @Test
    void jsonNamesEveryComponentAlsoWhenThereIsNoneAndEndsTheLine() {
        assertEquals("{\n  \"name\" : \"ü\",\n  \"port\" : null\n}\n", printed(Format.json, Style.PLAIN));
    }

    record Thing(String name, Integer port) {}
}

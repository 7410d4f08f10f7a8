package io.numpool.cli.internal.output;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import java.io.PrintStream;
import java.util.function.Function;

/** Prints an answer as the user wants to have it. */
public final class Printer {
    private static final ObjectMapper LINE = new ObjectMapper();
    private static final ObjectMapper JSON = new ObjectMapper().enable(SerializationFeature.INDENT_OUTPUT);

    private final PrintStream out;
    private final Format format;
    private final Style style;

    public Printer(PrintStream out, Format format, Style style) {
        this.out = out;
        this.format = format;
        this.style = style;
    }

    public Format format() {
        return format;
    }

    public Style style() {
        return style;
    }

    /** @param json a record, list or map whose names are the contract */
    public void print(Object json, Function<Style, String> text) {
        out.print(format == Format.json ? json(json) + "\n" : text.apply(style));
        out.flush();
    }

    /**
     * One of many answers.
     *
     * @return false when nobody reads them any more
     */
    public boolean printLine(Object json, String text) {
        out.println(format == Format.json ? write(LINE, json) : text);
        return !out.checkError();
    }

    public static String json(Object value) {
        return write(JSON, value);
    }

    private static String write(ObjectMapper mapper, Object value) {
        try {
            return mapper.writeValueAsString(value);
        } catch (JsonProcessingException e) {
            throw new IllegalStateException(e);
        }
    }
}

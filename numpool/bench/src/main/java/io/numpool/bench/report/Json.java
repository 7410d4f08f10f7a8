package io.numpool.bench.report;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Records as JSON: on a line between processes, and in files for people and programs. */
public final class Json {
    private static final ObjectMapper MAPPER = new ObjectMapper();

    private Json() {}

    public static String line(Object value) {
        try {
            return MAPPER.writeValueAsString(value);
        } catch (IOException failed) {
            throw new UncheckedIOException(failed);
        }
    }

    public static <T> T parse(String text, Class<T> type) {
        try {
            return MAPPER.readValue(text, type);
        } catch (IOException broken) {
            throw new IllegalArgumentException("Not a " + type.getSimpleName() + ": " + text, broken);
        }
    }

    static void write(Path file, Object value) throws IOException {
        Files.writeString(
                file, MAPPER.writer().with(SerializationFeature.INDENT_OUTPUT).writeValueAsString(value) + "\n");
    }
}

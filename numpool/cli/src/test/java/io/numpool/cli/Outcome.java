package io.numpool.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;

/** What a command left behind. */
record Outcome(int exitCode, String out, String err) {
    private static final ObjectMapper JSON = new ObjectMapper().enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS);

    /** Its whole output, which is one JSON value; nothing stands on stderr. */
    JsonNode json() throws JsonProcessingException {
        assertEquals("", err);
        return JSON.readTree(out);
    }

    Outcome expect(int code) {
        assertEquals(code, exitCode, this::toString);
        return this;
    }

    /** Nothing on stdout, one line on stderr. */
    Outcome expectComplaint(int code, String fragment) {
        expect(code);
        assertEquals("", out);
        assertTrue(err.endsWith("\n") && err.lines().count() == 1, this::toString);
        assertTrue(err.startsWith("numpool: ") && err.contains(fragment), this::toString);
        return this;
    }
}

package io.numpool.cli.internal.command;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine.TypeConversionException;

class JsonConverterTest {
    private final JsonConverter converter = new JsonConverter();

    @ParameterizedTest
    @ValueSource(strings = {"null", "1", "\"a\"", "[1,null]", "{\"a\":{\"b\":true}}"})
    void anyJsonValueIsTaken(String json) {
        assertEquals(json, converter.convert(json).toString());
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "{", "a", "1 2", "{'a': 1}"})
    void whatIsNoJsonIsNamed(String text) {
        var refusal = assertThrows(TypeConversionException.class, () -> converter.convert(text));
        assertTrue(refusal.getMessage().startsWith("'" + text + "' is not JSON"), refusal::getMessage);
    }
}

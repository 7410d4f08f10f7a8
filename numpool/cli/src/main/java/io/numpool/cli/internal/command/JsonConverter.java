package io.numpool.cli.internal.command;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** JSON on the command line. */
final class JsonConverter implements ITypeConverter<JsonNode> {
    private static final ObjectMapper JSON = new ObjectMapper().enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS);

    @Override
    public JsonNode convert(String text) {
        try {
            var node = JSON.readTree(text);
            if (node.isMissingNode()) {
                throw new TypeConversionException("'' is not JSON");
            }
            return node;
        } catch (JsonProcessingException e) {
            throw new TypeConversionException("'" + text + "' is not JSON: " + e.getOriginalMessage());
        }
    }
}

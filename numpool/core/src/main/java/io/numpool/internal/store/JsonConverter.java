package io.numpool.internal.store;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import org.jooq.JSONB;
import org.jooq.exception.DataTypeException;
import org.jooq.impl.AbstractConverter;

/** {@code jsonb} as Jackson's tree. */
public final class JsonConverter extends AbstractConverter<JSONB, JsonNode> {

    private static final long serialVersionUID = 1L;
    private static final ObjectMapper MAPPER = new ObjectMapper();

    /** Made by jOOQ's generated code. */
    public JsonConverter() {
        super(JSONB.class, JsonNode.class);
    }

    @Override
    public JsonNode from(JSONB json) {
        try {
            return json == null ? null : MAPPER.readTree(json.data());
        } catch (JsonProcessingException e) {
            throw new DataTypeException("The database answered with unreadable JSON", e);
        }
    }

    @Override
    public JSONB to(JsonNode node) {
        return node == null ? null : JSONB.valueOf(node.toString());
    }
}

package io.numpool.internal.store;

import com.fasterxml.jackson.databind.JsonNode;

/** What became of a compare-and-set of metadata, and what they are now. */
public record Metadata(boolean changed, JsonNode value, long version) {}

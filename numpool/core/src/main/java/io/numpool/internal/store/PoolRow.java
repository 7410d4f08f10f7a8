package io.numpool.internal.store;

import com.fasterxml.jackson.databind.JsonNode;

/** A pool as it was read. {@code deleted}: some of its slots are not back yet. */
public record PoolRow(int number, int capacity, JsonNode metadata, long metadataVersion, boolean deleted) {}

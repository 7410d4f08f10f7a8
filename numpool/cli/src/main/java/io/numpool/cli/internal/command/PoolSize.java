package io.numpool.cli.internal.command;

import io.numpool.cli.internal.output.Style;

/** What `create` and `resize` answer; the json contract. */
record PoolSize(String id, int capacity) {
    String text(Style style) {
        return style.bold(id) + ": " + capacity + (capacity == 1 ? " slot\n" : " slots\n");
    }
}

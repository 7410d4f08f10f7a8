package io.numpool;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

final class CleanupAsyncTest extends FacadeTest {
    @Test
    @DisplayName("cleanup drops the schema")
    void cleanup() throws Exception {
        get(client().cleanup());
        assertEquals("0", database().query("SELECT count(*) FROM pg_namespace WHERE nspname = 'numpool'"));
    }
}

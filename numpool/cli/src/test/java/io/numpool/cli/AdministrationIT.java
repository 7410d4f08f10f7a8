package io.numpool.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class AdministrationIT {
    @TempDir
    private Path folder;

    private NumpoolJar numpool;

    @BeforeEach
    void aDatabaseIsNamed() {
        numpool = new NumpoolJar(folder, Stage.shared().environment());
    }

    private JsonNode json(String... arguments) throws Exception {
        var line = new String[arguments.length + 2];
        System.arraycopy(arguments, 0, line, 2, arguments.length);
        line[0] = "--format";
        line[1] = "json";
        return numpool.run(line).expect(0).json();
    }

    private static JsonNode of(String json) throws Exception {
        return new ObjectMapper().readTree(json);
    }

    @Test
    void aPoolFromItsMakingToItsEndInJson() throws Exception {
        assertEquals(
                of("{'id': 'admin/a', 'capacity': 2}".replace('\'', '"')),
                json("create", "admin/a", "2", "--metadata", "{\"owner\": \"me\"}"));
        assertEquals(of("{\"owner\": \"me\"}"), json("metadata", "get", "admin/a"));
        assertEquals(of("[1, null]"), json("metadata", "set", "admin/a", "[1, null]"));
        assertEquals(
                of("{'id': 'admin/a', 'capacity': 3}".replace('\'', '"')),
                json("resize", "admin/a", "--capacity", "3"));
        assertEquals(
                of("[{'id': 'admin/a', 'capacity': 3, 'held': 0, 'waiting': 0}]".replace('\'', '"')),
                json("list", "admin/"));
        assertEquals(
                of(("{'id': 'admin/a', 'capacity': 3, 'held': 0, 'free': 3, 'waiting': 0, 'metadata': [1, null],"
                                + " 'holders': [], 'queue': []}")
                        .replace('\'', '"')),
                json("show", "admin/a"));
        assertEquals(of("{\"deleted\": \"admin/a\"}"), json("delete", "admin/a"));
        assertEquals(of("[]"), json("list", "admin/"));
    }

    @Test
    void forAPersonTheSameInAlignedWords() throws Exception {
        assertEquals(new Outcome(0, "people: 12 slots\n", ""), numpool.run("create", "people", "12"));
        assertEquals(
                new Outcome(0, "POOL    CAPACITY  HELD  WAITING\npeople        12     0        0\n", ""),
                numpool.run("list", "people"));
        assertEquals(new Outcome(0, "people: 0 of 12 held, 0 waiting\n", ""), numpool.run("show", "people"));
        assertEquals(new Outcome(0, "null\n", ""), numpool.run("metadata", "get", "people"));
    }

    @Test
    void migrateSaysWhatItDid() throws Exception {
        var first = json("migrate", "--schema", "another");
        assertTrue(first.get("applied").asInt() > 0, first::toString);
        assertEquals(0, json("migrate", "--schema", "another").get("applied").asInt());
    }

    @Test
    void helpIsEverywhere() throws Exception {
        for (var line : new String[] {"--help", "run --help", "metadata set --help"}) {
            var outcome = numpool.run(line.split(" ")).expect(0);
            assertTrue(outcome.out().startsWith("Usage: numpool"), outcome::out);
            assertEquals("", outcome.err());
        }
    }
}

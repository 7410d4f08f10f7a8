package io.numpool.testkit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.DisplayNameGeneration;
import org.junit.jupiter.api.DisplayNameGenerator;
import org.junit.jupiter.api.Test;

@DisplayNameGeneration(DisplayNameGenerator.ReplaceUnderscores.class)
class ApiDumpTest {
    private static final Path CLASSES = Path.of("target", "classes");

    @Test
    void the_public_api_of_this_library_is_the_committed_one() {
        ApiDump.check(CLASSES, Path.of("api", "numpool-testkit.api"));
    }

    @Test
    void public_members_are_shown_and_internal_classes_are_not() {
        var dump = ApiDump.dump(CLASSES);

        assertTrue(dump.contains("public static io.numpool.testkit.TestPostgres shared();"), dump);
        assertFalse(dump.contains("class io.numpool.testkit.internal"), dump);
    }

    @Test
    void a_difference_is_told_by_line() {
        var now = ApiDump.dump(CLASSES);
        var before = now.replace("shared();", "common();");

        var failure = assertThrows(AssertionError.class, () -> ApiDump.compare(before, now, Path.of("some.api")));

        assertEquals(
                List.of(
                        "-   public static io.numpool.testkit.TestPostgres common();",
                        "+   public static io.numpool.testkit.TestPostgres shared();"),
                failure.getMessage().lines().skip(1).toList());
    }
}

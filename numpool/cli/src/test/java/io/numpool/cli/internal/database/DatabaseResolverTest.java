package io.numpool.cli.internal.database;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.numpool.cli.internal.ExitCode;
import io.numpool.cli.internal.Failure;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class DatabaseResolverTest {
    private static DatabaseAddress resolve(Map<String, String> environment, String option) {
        return new DatabaseResolver(environment).resolve(option).orElseThrow();
    }

    @Test
    void whereNothingNamesADatabaseItIsTheEmbeddedOne() {
        assertEquals(Optional.empty(), new DatabaseResolver(Map.of()).resolve(null));
        assertEquals(
                Optional.empty(),
                new DatabaseResolver(Map.of("PGPASSWORD", "x", "PGHOST", "", "NUMPOOL_URL", " ")).resolve(null));
    }

    @Test
    void theOptionComesBeforeTheVariableAndTheVariableBeforeLibpqs() {
        var environment = Map.of("NUMPOOL_URL", "postgres://two/b", "PGHOST", "three");
        assertEquals(
                "jdbc:postgresql://one:5432/a",
                resolve(environment, "postgres://one/a").jdbcUrl());
        assertEquals("jdbc:postgresql://two:5432/b", resolve(environment, null).jdbcUrl());
        assertEquals(
                "jdbc:postgresql://three:5432/",
                resolve(Map.of("PGHOST", "three"), null).jdbcUrl());
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = ' ',
            value = {
                "postgres://h/d jdbc:postgresql://h:5432/d",
                "postgresql://h:6000/d jdbc:postgresql://h:6000/d",
                "postgres:// jdbc:postgresql://localhost:5432/",
                "postgres:///d jdbc:postgresql://localhost:5432/d",
                "postgres://a:1,b:2/d jdbc:postgresql://a:1,b:2/d",
                "postgres://a,b:2/d jdbc:postgresql://a:5432,b:2/d",
                "postgres://[::1]:6000/d jdbc:postgresql://[::1]:6000/d",
                "postgres://h/a%20b%2Fc jdbc:postgresql://h:5432/a+b%2Fc",
                "postgres://h/d?sslmode=require jdbc:postgresql://h:5432/d?sslmode=require",
                "postgres://h/d?connect_timeout=3 jdbc:postgresql://h:5432/d?connectTimeout=3",
                "postgres://h/d?target_session_attrs=read-write jdbc:postgresql://h:5432/d?targetServerType=primary",
                "postgres://h/d?tcpKeepAlive=true jdbc:postgresql://h:5432/d?tcpKeepAlive=true",
                "postgres:///d?host=h&port=6000 jdbc:postgresql://h:6000/d"
            })
    void libpqsUrlIsSaidToTheDriver(String url, String jdbcUrl) {
        assertEquals(jdbcUrl, resolve(Map.of(), url).jdbcUrl());
    }

    @Test
    void userAndPasswordAreDecodedAndStayOutOfTheUrl() {
        var address = resolve(Map.of(), "postgres://an%40:p%2Fw+%25@h/d");
        assertEquals(new DatabaseAddress("jdbc:postgresql://h:5432/d", "an@", "p/w+%"), address);
        assertFalse(address.toString().contains("p/w"));
    }

    @Test
    void whatAUrlLeavesOutComesFromLibpqsVariables() {
        var environment = Map.of(
                "PGHOST",
                "other",
                "PGPORT",
                "7",
                "PGUSER",
                "u",
                "PGPASSWORD",
                "p",
                "PGDATABASE",
                "db",
                "PGSSLMODE",
                "require");
        assertEquals(
                new DatabaseAddress("jdbc:postgresql://h:5432/db?sslmode=require", "u", "p"),
                resolve(environment, "postgres://h"));
        assertEquals(
                new DatabaseAddress("jdbc:postgresql://h/d", "u", "p"), resolve(environment, "jdbc:postgresql://h/d"));
        assertEquals(
                new DatabaseAddress("jdbc:postgresql://h/d?user=me&password=mine", "me", "mine"),
                resolve(environment, "jdbc:postgresql://h/d?user=me&password=mine"));
    }

    @Test
    void anAddressSparesTheLookUpOfTheNameUnlessTheNameIsToBeVerified() {
        var environment = Map.of("PGHOST", "db.example.org", "PGHOSTADDR", "192.0.2.7");
        assertEquals(
                "jdbc:postgresql://192.0.2.7:5432/", resolve(environment, null).jdbcUrl());
        assertTrue(
                resolve(Map.of("PGHOST", "db.example.org", "PGHOSTADDR", "192.0.2.7", "PGSSLMODE", "verify-full"), null)
                        .jdbcUrl()
                        .startsWith("jdbc:postgresql://db.example.org:5432/"));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "nonsense",
                "http://h/d",
                "mysql://h/d",
                "jdbc:mysql://h/d",
                "jdbc:postgresql://h:port/d",
                "postgres://h:port/d",
                "postgres://h:99999/d",
                "postgres://h:0/d",
                "postgres://u@v@h/d",
                "postgres://h/d?what=1",
                "postgres://h/d?sslmode",
                "postgres://%zz/d",
                "postgres://a,b/d?port=1,2,3",
                "postgres:///d?host=/run/postgresql"
            })
    void aUrlThatMakesNoSenseIsWrongUsageAndTheMessageSaysWhereItCameFrom(String url) {
        var refusal = assertThrows(Failure.class, () -> resolve(Map.of(), url));
        assertEquals(ExitCode.USAGE, refusal.exitCode());
        assertTrue(refusal.getMessage().startsWith("--url"), refusal.getMessage());
    }
}

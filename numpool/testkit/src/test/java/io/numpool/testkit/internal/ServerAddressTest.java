package io.numpool.testkit.internal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import org.junit.jupiter.api.DisplayNameGeneration;
import org.junit.jupiter.api.DisplayNameGenerator;
import org.junit.jupiter.api.Test;

@DisplayNameGeneration(DisplayNameGenerator.ReplaceUnderscores.class)
class ServerAddressTest {
    @Test
    void a_jdbc_url_keeps_its_other_parameters() {
        var address = ServerAddress.parse("jdbc:postgresql://db:5433/any?user=me&sslmode=require&password=s%20%26+x");

        assertEquals(new ServerAddress("db:5433", "sslmode=require", "me", "s &+x"), address);
        assertEquals("jdbc:postgresql://db:5433/mine?sslmode=require", address.jdbcUrl("mine"));
    }

    @Test
    void a_postgres_url_has_user_and_password_before_the_host() {
        assertEquals(new ServerAddress("db", "", "me", "p@ss"), ServerAddress.parse("postgres://me:p%40ss@db/any"));
        assertEquals(new ServerAddress("db:1", "", "postgres", ""), ServerAddress.parse("postgresql://db:1"));
    }

    @Test
    void anything_else_is_refused() {
        assertThrows(IllegalArgumentException.class, () -> ServerAddress.parse("mysql://db"));
    }
}

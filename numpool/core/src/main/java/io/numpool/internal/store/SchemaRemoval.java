package io.numpool.internal.store;

import static io.numpool.internal.jooq.Numpool.NUMPOOL;

import io.numpool.db.Line;
import io.numpool.internal.jooq.Routines;
import java.lang.reflect.Method;
import java.sql.Connection;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jooq.DSLContext;
import org.jooq.Named;
import org.jooq.SQLDialect;
import org.jooq.impl.DSL;

/** Takes a schema away, if all that is in it is ours. */
public final class SchemaRemoval {
    private static final String OBJECTS = """
            SELECT c.relname FROM pg_class c WHERE c.relnamespace = n.oid AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'c')
            UNION ALL SELECT c.relname FROM pg_class c WHERE c.relnamespace = n.oid AND c.relkind = 'S'
              AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype IN ('i', 'a'))
            UNION ALL SELECT p.proname FROM pg_proc p WHERE p.pronamespace = n.oid
            UNION ALL SELECT t.typname FROM pg_type t WHERE t.typnamespace = n.oid AND t.typtype IN ('d', 'e', 'r')
            """;

    private final String schema;

    public SchemaRemoval(String schema) {
        this.schema = schema;
    }

    /** What is in the schema, and not ours. */
    public List<String> foreignObjects(Connection connection) {
        Set<String> ours = ours();
        return sql(connection)
                .resultQuery(
                        "SELECT o.relname FROM pg_namespace n CROSS JOIN LATERAL (" + OBJECTS
                                + ") o WHERE n.nspname = {0} ORDER BY 1",
                        DSL.inline(schema))
                .fetch(row -> row.get(0, String.class))
                .stream()
                .filter(name -> !ours.contains(name))
                .toList();
    }

    /** Drops the schema with all that is in it. */
    public int drop(Connection connection) {
        return sql(connection).dropSchemaIfExists(DSL.name(schema)).cascade().execute();
    }

    private static Set<String> ours() {
        Stream<String> tables = NUMPOOL.getTables().stream().map(Named::getName);
        Stream<String> types = NUMPOOL.getUDTs().stream().map(Named::getName);
        Stream<String> functions =
                Arrays.stream(Routines.class.getMethods()).map(Method::getName).map(SchemaRemoval::snakeCase);
        Stream<String> history = Stream.of(Line.POOL.historyTable());
        return Stream.of(tables, types, functions, history)
                .flatMap(names -> names)
                .collect(Collectors.toSet());
    }

    private static String snakeCase(String method) {
        return method.replaceAll("([A-Z])", "_$1").toLowerCase(Locale.ROOT);
    }

    private static DSLContext sql(Connection connection) {
        return DSL.using(connection, SQLDialect.POSTGRES);
    }
}

package io.numpool.cli.internal.database;

import java.util.Map;
import java.util.Optional;

/** Which database a command means: {@code --url}, else NUMPOOL_URL, else libpq's PG* variables, else none was named. */
public final class DatabaseResolver {
    private final Map<String, String> environment;

    public DatabaseResolver(Map<String, String> environment) {
        this.environment = Map.copyOf(environment);
    }

    /** Empty when nothing names a database, which means the embedded one. */
    public Optional<DatabaseAddress> resolve(String urlOption) {
        if (urlOption != null) {
            return Optional.of(parse("--url", urlOption));
        }
        var url = environment.getOrDefault("NUMPOOL_URL", "");
        if (!url.isBlank()) {
            return Optional.of(parse("NUMPOOL_URL", url));
        }
        var libpq = new LibpqEnvironment(environment);
        return libpq.namesServer()
                ? Optional.of(new LibpqAddress("PG* variables", libpq.parameters()).toAddress())
                : Optional.empty();
    }

    private DatabaseAddress parse(String source, String url) {
        var libpq = new LibpqEnvironment(environment);
        if (url.startsWith("jdbc:")) {
            return new JdbcUrl(source, url).toAddress(libpq);
        }
        return new LibpqAddress(source, libpq.overriddenBy(new PostgresUrl(source, url).parameters())).toAddress();
    }
}

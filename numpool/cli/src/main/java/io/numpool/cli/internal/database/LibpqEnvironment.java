package io.numpool.cli.internal.database;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** libpq's environment variables, as the connection parameters that they stand for. An empty variable counts as unset. */
final class LibpqEnvironment {
    private static final Map<String, String> PARAMETERS = Map.ofEntries(
            Map.entry("PGHOST", "host"),
            Map.entry("PGHOSTADDR", "hostaddr"),
            Map.entry("PGPORT", "port"),
            Map.entry("PGDATABASE", "dbname"),
            Map.entry("PGUSER", "user"),
            Map.entry("PGPASSWORD", "password"),
            Map.entry("PGSERVICE", "service"),
            Map.entry("PGOPTIONS", "options"),
            Map.entry("PGAPPNAME", "application_name"),
            Map.entry("PGCONNECT_TIMEOUT", "connect_timeout"),
            Map.entry("PGTARGETSESSIONATTRS", "target_session_attrs"),
            Map.entry("PGCHANNELBINDING", "channel_binding"),
            Map.entry("PGGSSENCMODE", "gssencmode"),
            Map.entry("PGSSLMODE", "sslmode"),
            Map.entry("PGSSLNEGOTIATION", "sslnegotiation"),
            Map.entry("PGSSLROOTCERT", "sslrootcert"),
            Map.entry("PGSSLCERT", "sslcert"),
            Map.entry("PGSSLKEY", "sslkey"));

    /** The variables that say where to go; PGPASSWORD or PGSSLMODE alone do not. */
    private static final List<String> PLACE =
            List.of("PGHOST", "PGHOSTADDR", "PGPORT", "PGDATABASE", "PGUSER", "PGSERVICE");

    private final Map<String, String> environment;

    LibpqEnvironment(Map<String, String> environment) {
        this.environment = environment;
    }

    boolean namesServer() {
        return PLACE.stream().anyMatch(this::isSet);
    }

    Map<String, String> parameters() {
        var parameters = new LinkedHashMap<String, String>();
        PARAMETERS.forEach((variable, parameter) -> {
            if (isSet(variable)) {
                parameters.put(parameter, environment.get(variable));
            }
        });
        return parameters;
    }

    /** A URL's parameters win; a URL that names a host takes neither address nor port from the environment. */
    Map<String, String> overriddenBy(Map<String, String> url) {
        var merged = new LinkedHashMap<>(parameters());
        if (url.containsKey("host") || url.containsKey("hostaddr")) {
            merged.keySet().removeAll(List.of("host", "hostaddr", "port"));
        }
        merged.putAll(url);
        return merged;
    }

    private boolean isSet(String variable) {
        return !environment.getOrDefault(variable, "").isEmpty();
    }
}

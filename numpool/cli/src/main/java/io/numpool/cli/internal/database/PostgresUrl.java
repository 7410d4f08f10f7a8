package io.numpool.cli.internal.database;

import io.numpool.cli.internal.Failure;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** {@code postgres://user:password@host:port,host:port/database?parameter=value}: libpq's URL. Every part may be missing. */
record PostgresUrl(String source, String url) {
    private static final Pattern SHAPE = Pattern.compile(
            "postgres(?:ql)?://(?:(?<user>[^:@/?#]*)(?::(?<password>[^@/?#]*))?@)?(?<hosts>[^/?#@]*)(?:/(?<database>[^?#]*))?(?:\\?(?<query>[^#]*))?");
    private static final Pattern HOST =
            Pattern.compile("(?<host>\\[[0-9a-fA-F:.%]+]|[^:\\[\\]]*)(?::(?<port>\\d{0,5}))?");

    Map<String, String> parameters() {
        var shape = SHAPE.matcher(url);
        if (!shape.matches()) {
            throw malformed();
        }
        var parameters = new LinkedHashMap<String, String>();
        put(parameters, "user", shape.group("user"));
        put(parameters, "password", shape.group("password"));
        put(parameters, "dbname", shape.group("database"));
        putHosts(parameters, shape.group("hosts"));
        putQuery(parameters, shape.group("query"));
        return parameters;
    }

    private void putHosts(Map<String, String> parameters, String hosts) {
        if (hosts.isEmpty()) {
            return;
        }
        List<String> names = new ArrayList<>();
        List<String> ports = new ArrayList<>();
        for (var each : hosts.split(",", -1)) {
            Matcher host = HOST.matcher(each);
            if (!host.matches()) {
                throw malformed();
            }
            names.add(decode(host.group("host")));
            ports.add(host.group("port") == null ? "" : host.group("port"));
        }
        parameters.put("host", String.join(",", names));
        if (ports.stream().anyMatch(port -> !port.isEmpty())) {
            parameters.put("port", String.join(",", ports));
        }
    }

    private void putQuery(Map<String, String> parameters, String query) {
        if (query == null || query.isEmpty()) {
            return;
        }
        for (var pair : query.split("&")) {
            var equals = pair.indexOf('=');
            if (equals < 1) {
                throw malformed();
            }
            parameters.put(decode(pair.substring(0, equals)), decode(pair.substring(equals + 1)));
        }
    }

    private void put(Map<String, String> parameters, String name, String raw) {
        if (raw != null && !raw.isEmpty()) {
            parameters.put(name, decode(raw));
        }
    }

    private String decode(String raw) {
        try {
            return URLDecoder.decode(raw.replace("+", "%2B"), StandardCharsets.UTF_8);
        } catch (IllegalArgumentException e) {
            throw malformed();
        }
    }

    /** The URL itself may hold a password, so it is not repeated. */
    private Failure malformed() {
        return Failure.usage(
                source
                        + " is not a PostgreSQL URL; write postgres://user@host:port/database or jdbc:postgresql://host:port/database");
    }
}

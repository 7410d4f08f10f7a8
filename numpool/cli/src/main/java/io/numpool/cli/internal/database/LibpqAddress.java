package io.numpool.cli.internal.database;

import io.numpool.cli.internal.Failure;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.stream.Collectors;
import org.postgresql.Driver;
import org.postgresql.PGProperty;

/** libpq's connection parameters, said to the JDBC driver. */
record LibpqAddress(String source, Map<String, String> parameters) {
    private static final Map<String, String> NAMES = Map.ofEntries(
            Map.entry("application_name", "ApplicationName"),
            Map.entry("fallback_application_name", "ApplicationName"),
            Map.entry("channel_binding", "channelBinding"),
            Map.entry("connect_timeout", "connectTimeout"),
            Map.entry("gssencmode", "gssEncMode"),
            Map.entry("keepalives", "tcpKeepAlive"),
            Map.entry("sslnegotiation", "sslNegotiation"),
            Map.entry("target_session_attrs", "targetServerType"));
    private static final Map<String, String> SERVER_TYPES = Map.of(
            "read-write",
            "primary",
            "read-only",
            "secondary",
            "standby",
            "secondary",
            "prefer-standby",
            "preferSecondary");

    DatabaseAddress toAddress() {
        var rest = new LinkedHashMap<>(parameters);
        var hosts = hosts(rest.remove("host"), rest.remove("hostaddr"), rest.remove("port"));
        var user = rest.remove("user");
        var password = rest.remove("password");
        var database = rest.remove("dbname");
        var query = query(rest);
        // An absent database means the user's name, which the driver knows to do when the path is empty.
        var url = "jdbc:postgresql://" + hosts + "/" + (database == null ? "" : encode(database)) + query;
        if (Driver.parseURL(url, null) == null) {
            throw Failure.usage(source + ": host, port or database is malformed");
        }
        return new DatabaseAddress(url, user, password);
    }

    private String hosts(String host, String address, String port) {
        var names = split(place(host, address));
        var ports = split(port == null ? "" : port);
        if (ports.length > 1 && ports.length != names.length) {
            throw Failure.usage(source + ": " + names.length + " hosts and " + ports.length + " ports");
        }
        var hosts = new StringBuilder();
        for (int i = 0; i < names.length; i++) {
            hosts.append(i == 0 ? "" : ",").append(name(names[i]));
            hosts.append(':').append(number(ports[ports.length == 1 ? 0 : i]));
        }
        return hosts.toString();
    }

    /** hostaddr spares the look-up of the name; only verify-full needs the name itself. */
    private String place(String host, String address) {
        if (address == null || (host != null && "verify-full".equals(parameters.get("sslmode")))) {
            return host == null ? "" : host;
        }
        return address;
    }

    private String name(String host) {
        if (host.startsWith("/") || host.startsWith("@")) {
            throw Failure.usage(source + ": " + host + " is a socket folder, which JDBC can't use; name a host");
        }
        if (host.isEmpty()) {
            return "localhost";
        }
        return host.contains(":") && !host.startsWith("[") ? "[" + host + "]" : host;
    }

    private int number(String port) {
        if (port.isEmpty()) {
            return 5432;
        }
        if (port.matches("\\d{1,5}") && Integer.parseInt(port) >= 1 && Integer.parseInt(port) <= 65_535) {
            return Integer.parseInt(port);
        }
        throw Failure.usage(source + ": port '" + port + "' is not a number from 1 to 65535");
    }

    private String query(Map<String, String> rest) {
        var driver = new LinkedHashMap<String, String>();
        rest.forEach((name, value) -> driver.put(driverName(name), driverValue(name, value)));
        return driver.entrySet().stream()
                .map(e -> encode(e.getKey()) + "=" + encode(e.getValue()))
                .collect(Collectors.collectingAndThen(Collectors.joining("&"), q -> q.isEmpty() ? "" : "?" + q));
    }

    private String driverName(String name) {
        var driver = NAMES.getOrDefault(name, name);
        if (PGProperty.forName(driver) == null) {
            throw Failure.usage(source + ": unknown parameter '" + name + "'");
        }
        return driver;
    }

    private static String driverValue(String name, String value) {
        return switch (name) {
            case "target_session_attrs" -> SERVER_TYPES.getOrDefault(value, value);
            case "keepalives" -> String.valueOf(!value.equals("0"));
            default -> value;
        };
    }

    private static String[] split(String list) {
        return list.split(",", -1);
    }

    private static String encode(String text) {
        return URLEncoder.encode(text, StandardCharsets.UTF_8);
    }
}

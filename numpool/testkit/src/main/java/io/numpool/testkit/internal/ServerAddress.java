package io.numpool.testkit.internal;

import java.net.URI;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import org.postgresql.ds.PGSimpleDataSource;

/**
 * Where a server is and who we are there.
 *
 * @param hosts host and port, or several with commas
 * @param parameters what follows the question mark of a URL, or empty
 * @param user who
 * @param password may be empty
 */
public record ServerAddress(String hosts, String parameters, String user, String password) {
    private static final String JDBC = "jdbc:postgresql://";

    /**
     * Reads a {@code jdbc:postgresql://} or {@code postgres://} URL.
     *
     * @param url with user and password, as parameters or before the host
     * @return the server's address; the database in it is ignored
     */
    public static ServerAddress parse(String url) {
        return url.startsWith(JDBC) ? fromJdbc(url) : fromUri(URI.create(url));
    }

    /**
     * The same server and role, to be reached elsewhere.
     *
     * @param elsewhere host and port
     * @return another address
     */
    public ServerAddress at(String elsewhere) {
        return new ServerAddress(elsewhere, parameters, user, password);
    }

    /**
     * The address of one database.
     *
     * @param database its name
     * @return a JDBC URL without user and password
     */
    public String jdbcUrl(String database) {
        return JDBC + hosts + "/" + database + (parameters.isEmpty() ? "" : "?" + parameters);
    }

    /**
     * Connects to one database.
     *
     * @param database its name
     * @return plain connections, no pool
     */
    public PGSimpleDataSource dataSource(String database) {
        var source = new PGSimpleDataSource();
        source.setURL(jdbcUrl(database));
        source.setUser(user);
        source.setPassword(password);
        return source;
    }

    private static ServerAddress fromJdbc(String url) {
        var rest = url.substring(JDBC.length());
        var mark = rest.indexOf('?');
        var hosts = (mark < 0 ? rest : rest.substring(0, mark)).replaceFirst("/.*", "");
        return withParameters(hosts, mark < 0 ? "" : rest.substring(mark + 1), "postgres", "");
    }

    private static ServerAddress fromUri(URI uri) {
        if (uri.getScheme() == null || !uri.getScheme().matches("postgres(ql)?")) {
            throw new IllegalArgumentException("Neither a jdbc:postgresql:// nor a postgres:// URL: " + uri);
        }
        var who = uri.getRawUserInfo() == null ? "postgres" : uri.getRawUserInfo();
        var colon = who.indexOf(':');
        var user = decoded(colon < 0 ? who : who.substring(0, colon));
        var password = colon < 0 ? "" : decoded(who.substring(colon + 1));
        var hosts = uri.getRawAuthority().substring(uri.getRawAuthority().lastIndexOf('@') + 1);
        return withParameters(hosts, uri.getRawQuery() == null ? "" : uri.getRawQuery(), user, password);
    }

    private static ServerAddress withParameters(String hosts, String query, String user, String password) {
        var rest = new StringBuilder();
        for (var parameter : query.split("&")) {
            if (parameter.startsWith("user=")) {
                user = decoded(parameter.substring("user=".length()));
            } else if (parameter.startsWith("password=")) {
                password = decoded(parameter.substring("password=".length()));
            } else if (!parameter.isEmpty()) {
                rest.append(rest.isEmpty() ? "" : "&").append(parameter);
            }
        }
        return new ServerAddress(hosts, rest.toString(), user, password);
    }

    private static String decoded(String text) {
        return URLDecoder.decode(text.replace("+", "%2B"), StandardCharsets.UTF_8);
    }
}

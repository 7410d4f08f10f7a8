package io.numpool.testkit;

import io.numpool.testkit.internal.Asking;
import io.numpool.testkit.internal.Databases;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.function.BooleanSupplier;
import javax.sql.DataSource;
import org.postgresql.ds.PGSimpleDataSource;

/** A database of one test. Closing drops it, and ends the sessions that are still in it. */
public final class TestDatabase implements AutoCloseable {
    private final Databases server;
    private final BooleanSupplier running;
    private final String name;
    private final Asking asking;

    TestDatabase(Databases server, BooleanSupplier running, String name) {
        this.server = server;
        this.running = running;
        this.name = name;
        this.asking = new Asking(server.address().dataSource(name));
    }

    /**
     * Where it is.
     *
     * @return a JDBC URL without user and password
     */
    public String url() {
        return server.address().jdbcUrl(name);
    }

    /**
     * Where it is and how to get in.
     *
     * @return a JDBC URL with user and password
     */
    public String urlWithPassword() {
        return withPassword(url());
    }

    /** The same at another address. */
    String urlWithPassword(String hosts) {
        return withPassword(server.address().at(hosts).jdbcUrl(name));
    }

    /**
     * Who may do everything in it.
     *
     * @return name of a role
     */
    public String user() {
        return server.address().user();
    }

    /**
     * The password of {@link #user}.
     *
     * @return the password; the embedded server refuses any other
     */
    public String password() {
        return server.address().password();
    }

    /**
     * Its name, random.
     *
     * @return an identifier that needs no quotes
     */
    public String name() {
        return name;
    }

    /**
     * Plain connections, without a pool. The session time zone of pgjdbc is the JVM's.
     *
     * @return a new data source
     */
    public DataSource dataSource() {
        return postgresDataSource();
    }

    /**
     * The same with pgjdbc's own type, to set more of its properties.
     *
     * @return a new data source
     */
    public PGSimpleDataSource postgresDataSource() {
        return server.address().dataSource(name);
    }

    /** The same at another address. */
    PGSimpleDataSource postgresDataSource(String hosts) {
        return server.address().at(hosts).dataSource(name);
    }

    /**
     * Opens a connection.
     *
     * @return a new one, to be closed by the caller
     * @throws SQLException when the server refuses
     */
    public Connection connect() throws SQLException {
        return postgresDataSource().getConnection();
    }

    /**
     * Runs statements on a connection of their own, in autocommit.
     *
     * @param sql one or more, with semicolons
     * @throws SQLException when one fails
     */
    public void execute(String sql) throws SQLException {
        try (var connection = connect();
                var statement = connection.createStatement()) {
            statement.execute(sql);
        }
    }

    /**
     * Asks for one value, in autocommit, on a connection that nobody else uses meanwhile. It is kept for the next question, for tests
     * ask often; the server shows it as {@code numpool-testkit asks}.
     *
     * @param sql a query that leaves nothing behind in its session
     * @return the first column of the first row as text; null for NULL or when there is no row
     * @throws SQLException when it fails
     */
    public String query(String sql) throws SQLException {
        return asking.ask(sql);
    }

    /** Drops it. A server of one's own that is stopped keeps it until its data folder is deleted. */
    @Override
    public void close() {
        asking.close();
        if (running.getAsBoolean()) {
            server.drop(name);
        }
    }

    @Override
    public String toString() {
        return url();
    }

    private String withPassword(String url) {
        var joint = url.contains("?") ? "&" : "?";
        return url + joint + "user=" + encoded(user()) + "&password=" + encoded(password());
    }

    private static String encoded(String text) {
        return URLEncoder.encode(text, StandardCharsets.UTF_8).replace("+", "%20");
    }
}

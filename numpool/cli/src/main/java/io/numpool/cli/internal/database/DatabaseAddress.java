package io.numpool.cli.internal.database;

import javax.sql.DataSource;
import org.postgresql.ds.PGSimpleDataSource;

/** Where the database is and who asks. {@code user} and {@code password} are null where the driver's own defaults apply (login name, .pgpass). */
public record DatabaseAddress(String jdbcUrl, String user, String password) {
    /** Each connection of it is a new one. */
    public DataSource dataSource() {
        var dataSource = new PGSimpleDataSource();
        dataSource.setURL(jdbcUrl);
        if (user != null) {
            dataSource.setUser(user);
        }
        if (password != null) {
            dataSource.setPassword(password);
        }
        return dataSource;
    }

    /** Without the password. */
    @Override
    public String toString() {
        return jdbcUrl.replaceAll("(?i)([?&]password=)[^&]*", "$1***") + (user == null ? "" : " as " + user);
    }
}

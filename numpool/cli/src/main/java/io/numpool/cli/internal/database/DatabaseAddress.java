package io.numpool.cli.internal.database;

/** Where the database is and who asks. {@code user} and {@code password} are null where the driver's own defaults apply (login name, .pgpass). */
public record DatabaseAddress(String jdbcUrl, String user, String password) {
    /** Without the password. */
    @Override
    public String toString() {
        return jdbcUrl.replaceAll("(?i)([?&]password=)[^&]*", "$1***") + (user == null ? "" : " as " + user);
    }
}

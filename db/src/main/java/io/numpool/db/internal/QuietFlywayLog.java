package io.numpool.db.internal;

import org.flywaydb.core.api.logging.Log;
import org.flywaydb.core.api.logging.LogCreator;

/** Sends what Flyway has to say to the platform's log at debug level: its failures arrive as exceptions, the rest is advertising. */
public final class QuietFlywayLog implements LogCreator {
    /** Called by Flyway, by name. */
    public QuietFlywayLog() {}

    @Override
    public Log createLogger(Class<?> type) {
        return new Quiet(System.getLogger(type.getName()));
    }

    private record Quiet(System.Logger target) implements Log {
        @Override
        public void debug(String message) {
            target.log(System.Logger.Level.TRACE, message);
        }

        @Override
        public void info(String message) {
            target.log(System.Logger.Level.DEBUG, message);
        }

        @Override
        public void warn(String message) {
            target.log(System.Logger.Level.DEBUG, message);
        }

        @Override
        public void error(String message) {
            target.log(System.Logger.Level.DEBUG, message);
        }

        @Override
        public void error(String message, Exception cause) {
            target.log(System.Logger.Level.DEBUG, message, cause);
        }

        @Override
        public void notice(String message) {
            target.log(System.Logger.Level.DEBUG, message);
        }
    }
}

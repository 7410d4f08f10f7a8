package io.numpool.bench.report;

import java.util.Locale;

/** Figures for people. */
final class Texts {
    private static final double MILLI = 1e3;
    private static final double SECOND = 1e6;
    private static final double ROUND_FROM = 100;

    private Texts() {}

    /** Everywhere in English. */
    static String format(String format, Object... values) {
        return String.format(Locale.ROOT, format, values);
    }

    static String count(double value) {
        return format("%,.0f", value);
    }

    /** Without zeros behind the point. */
    static String plain(double value) {
        return value == Math.rint(value) ? count(value) : Double.toString(value);
    }

    static String countSpread(Spread spread) {
        return spread.min() == spread.max()
                ? count(spread.median())
                : "%s (%s–%s)".formatted(count(spread.median()), count(spread.min()), count(spread.max()));
    }

    /** In a unit that leaves three digits or so. */
    static String micros(double micros) {
        if (micros < MILLI) {
            return digits(micros) + " µs";
        }
        return micros < SECOND ? digits(micros / MILLI) + " ms" : digits(micros / SECOND) + " s";
    }

    static String percent(double share) {
        return format("%.2f %%", share * 100);
    }

    static String digits(double value) {
        return format(value < ROUND_FROM ? "%.1f" : "%.0f", value);
    }
}

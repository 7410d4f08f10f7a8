package io.numpool.cli.internal;

import java.math.BigDecimal;
import java.time.DateTimeException;
import java.time.Duration;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Pattern;

/** Durations as people write them: {@code 500ms}, {@code 5s}, {@code 1.5m}, {@code 2h}, {@code 1d}, {@code PT5S}; a bare number is seconds. */
public final class DurationText {
    private static final Pattern NUMBER_AND_UNIT = Pattern.compile("(\\d{1,12}(?:\\.\\d{1,9})?)\\s*(ms|s|m|h|d|)");
    private static final Map<String, Long> MILLIS =
            Map.of("ms", 1L, "", 1_000L, "s", 1_000L, "m", 60_000L, "h", 3_600_000L, "d", 86_400_000L);

    private DurationText() {}

    /** Throws {@link IllegalArgumentException} that names the value and the forms that are understood. */
    public static Duration parse(String text) {
        var lower = text.strip().toLowerCase(Locale.ROOT);
        var simple = NUMBER_AND_UNIT.matcher(lower);
        if (simple.matches()) {
            return scaled(simple.group(1), MILLIS.get(simple.group(2)));
        }
        return iso(text.strip());
    }

    private static Duration scaled(String number, long unitMillis) {
        var nanos = new BigDecimal(number).multiply(BigDecimal.valueOf(unitMillis * 1_000_000L));
        var parts = nanos.toBigInteger()
                .divideAndRemainder(BigDecimal.valueOf(1_000_000_000L).toBigInteger());
        return Duration.ofSeconds(parts[0].longValueExact(), parts[1].longValueExact());
    }

    private static Duration iso(String text) {
        try {
            var duration = Duration.parse(text);
            if (!duration.isNegative()) {
                return duration;
            }
        } catch (DateTimeException notIso) {
            throw new IllegalArgumentException(complaint(text), notIso);
        }
        throw new IllegalArgumentException(complaint(text));
    }

    private static String complaint(String text) {
        return "'" + text + "' is not a duration of 0 or more; write it as 500ms, 5s, 2m, 1h or PT5S";
    }
}

package io.numpool.model;

import java.util.Arrays;

/**
 * Explores further than the tests do. Arguments: clients, slots, requests, faults in all, then which ({@code all}, or names of {@link Fault}),
 * {@code handOver=false} and {@code without=RULE} at will. Prints what it found, and exits 1 when that is a violation.
 */
final class Explore {
    private Explore() {}

    public static void main(String[] arguments) {
        var numbers =
                Arrays.stream(arguments).limit(4).mapToInt(Integer::parseInt).toArray();
        var names = Arrays.stream(arguments).skip(4).toList();
        var faults = names.contains("all")
                ? Fault.values()
                : names.stream()
                        .filter(name -> !name.contains("="))
                        .map(Fault::valueOf)
                        .toArray(Fault[]::new);
        var bounds = Bounds.of(numbers[0], numbers[1], numbers[2], numbers[3], faults);
        for (var name : names) {
            if (name.equals("handOver=false")) {
                bounds = bounds.withoutHandOver();
            } else if (name.startsWith("without=")) {
                bounds = bounds.without(Rule.valueOf(name.substring("without=".length())));
            }
        }
        var result = Explorer.explore(bounds);
        System.out.println(result);
        System.exit(result.isClean() ? 0 : 1);
    }
}

package io.numpool.model;

import java.util.ArrayList;
import java.util.List;

/** Goes through every state that can be reached, the nearest first: the first violation that it finds has the shortest way there. */
final class Explorer {
    /** What came of it: the trace of a violation, or that there is none. */
    record Result(Bounds bounds, int states, long millis, String violation, List<String> trace) {
        boolean isClean() {
            return violation == null;
        }

        @Override
        public String toString() {
            var of = "%d clients, %d slots, %d requests, %d of %s, %s hand-over%s: "
                    .formatted(
                            bounds.clients(),
                            bounds.slots(),
                            bounds.requests(),
                            bounds.budget(),
                            bounds.faults(),
                            bounds.handOver() ? "with" : "without",
                            bounds.without().isEmpty() ? "" : ", without " + bounds.without());
            return of
                    + (isClean()
                            ? "%,d states in %,d ms".formatted(states, millis)
                            : violation + "\n  " + String.join("\n  ", trace));
        }
    }

    private final Bounds bounds;
    private final Seen seen = new Seen();

    private Explorer(Bounds bounds) {
        this.bounds = bounds;
    }

    static Result explore(Bounds bounds) {
        return new Explorer(bounds).run();
    }

    private Result run() {
        var begun = System.nanoTime();
        var level = List.of(new World(bounds));
        seen.add(level.get(0).bytes(), -1, 0);
        var first = 0; // the number of the level's first state
        while (!level.isEmpty()) {
            var next = new ArrayList<World>();
            for (var i = 0; i < level.size(); i++) {
                var world = level.get(i);
                var steps = world.steps();
                for (var step = 0; step < steps.size(); step++) {
                    try {
                        var after = steps.get(step).from(world);
                        if (seen.add(after.bytes(), first + i, step)) {
                            next.add(after);
                        }
                    } catch (Violation violation) {
                        return result(begun, violation, first + i, step);
                    }
                }
                if (steps.isEmpty()) {
                    try {
                        world.checkEnd();
                    } catch (Violation violation) {
                        return result(begun, violation, first + i, -1);
                    }
                }
            }
            first += level.size();
            level = next;
        }
        return new Result(bounds, seen.size(), millisSince(begun), null, List.of());
    }

    private Result result(long begun, Violation violation, int state, int lastStep) {
        var way = new ArrayList<Integer>();
        if (lastStep >= 0) {
            way.add(lastStep);
        }
        for (var at = state; seen.parent(at) >= 0; at = seen.parent(at)) {
            way.add(0, seen.step(at));
        }
        var names = new ArrayList<String>();
        var world = new World(bounds);
        for (var i = 0; i < way.size(); i++) {
            var step = world.steps().get(way.get(i));
            names.add(step.name());
            if (i < way.size() - 1) {
                world = step.from(world);
            }
        }
        return new Result(bounds, seen.size(), millisSince(begun), violation.getMessage(), names);
    }

    private static long millisSince(long begun) {
        return (System.nanoTime() - begun) / 1_000_000;
    }
}

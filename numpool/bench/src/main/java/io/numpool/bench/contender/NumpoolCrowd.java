package io.numpool.bench.contender;

/** numpool in one of many processes: the first worker uses a pool that all of them share, the second a pool of the process's own. */
final class NumpoolCrowd extends NumpoolSlots {
    /** Workers of a process. */
    static final int SHARED = 0;

    NumpoolCrowd(Assignment assignment) {
        super(assignment, options().migrate(false).build());
        addPool(assignment.pool(SHARED), assignment.slots());
        addPool(assignment.name() + "-own-" + assignment.process(), 1);
    }

    static String settings() {
        return "As numpool, but with migrate off; heaps of 64 MiB, the JVM's first compiler only.";
    }
}

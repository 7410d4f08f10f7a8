package io.numpool.model;

/** What may go wrong, at any step. Each takes one from the budget. */
enum Fault {
    /** The user gives up waiting. */
    CANCEL,
    /** A notice of a grant never arrives. */
    LOSE_NOTICE,
    /** A notice arrives twice. */
    DOUBLE_NOTICE,
    /** A connection breaks while a call is on its way or its answer is: the call may be done already, later, or never. */
    BREAK,
    /** A session gives no sign of life in time, and its client finds out. */
    SILENCE,
    /** A process is killed. */
    KILL,
    /** The server crashes and comes back without what was not on disk. */
    CRASH,
    /** An operator changes the capacity. */
    RESIZE,
}

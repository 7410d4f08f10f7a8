package io.numpool.testkit;

/**
 * The time for which one request had a slot, as its holder saw it: the slot was its own for at least so long.
 *
 * @param process whose
 * @param pool of which pool
 * @param slot which
 * @param token under which
 * @param request by which
 * @param start after the grant was seen
 * @param end before the release was sent, or the process's death; {@link Long#MAX_VALUE} when it never ended
 * @param lost it was not given back, but found to be lost
 */
public record Hold(
        String process, String pool, int slot, long token, String request, long start, long end, boolean lost) {
    @Override
    public String toString() {
        var until = end == Long.MAX_VALUE ? "the end" : Long.toString(end);
        return process + " held slot " + slot + " under " + token + " (" + request + ") from " + start + " to " + until;
    }
}

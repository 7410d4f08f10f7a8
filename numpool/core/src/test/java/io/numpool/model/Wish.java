package io.numpool.model;

/**
 * What somebody asks for.
 *
 * @param request its id
 * @param slots how many, all or none
 * @param isAttempt served at once or not at all
 * @param isNamed its caller chose the id, and may ask again under it
 */
record Wish(int request, int slots, boolean isAttempt, boolean isNamed) {
    static Wish of(int request) {
        return new Wish(request, 1, false, false);
    }
}

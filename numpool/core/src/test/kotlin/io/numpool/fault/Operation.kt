package io.numpool.fault

/** A row of the table whose rows meet in pairs: what one client does, in one call or in several. */
internal class Operation(
    val name: String,
    /** Each a query of one text, or a call that is refused. */
    val calls: List<String>,
    /** Where it has something to do. */
    val scenes: Set<Scene> = setOf(Scene.FULL),
    /** The answer says: another was at it just then, so that [rest] alone was done. */
    val declined: (String) -> Boolean = { false },
    val rest: Operation? = null,
    /** What was done to the backend stays when the transaction is rolled back. */
    val attaches: Boolean = false,
) {
    override fun toString() = name
}

private const val NOTHING = "'{}', '{}', '{}'"

private fun request(nth: Int) = "00000000-0000-0000-0000-%012d".format(nth)

private val SERVING = setOf(Scene.FULL, Scene.FREE)
private val ANY = SERVING + Scene.DOOMED

private fun call(function: String) = "SELECT x::text FROM $function x"

private fun exchange(
    session: Int,
    settle: String = NOTHING,
    acquire: String = NOTHING,
    retry: Boolean = false,
    pool: Int = 1,
) = call("exchange($session, 0, $pool, $retry, $settle, $acquire)")

private fun acquire(
    request: String = "gen_random_uuid()",
    mode: Int = 0,
    slots: Int = 1,
) = "ARRAY[$request], '{$mode}', '{NULL}', '{$slots}'"

private fun retried(request: Int) = exchange(5, acquire = acquire("request($request)"), retry = true)

private fun silent(session: Int) = call("declare_dead($session, false, NULL, request($session))")

/** As a reaper goes about it: it repairs the pools that the session is known to have touched. */
private fun bury(session: Int) =
    Operation(
        "bury $session",
        listOf(
            silent(session),
            "SELECT concat_ws(' ', coalesce(bool_and(r.done), true), coalesce(sum(r.freed), 0), " +
                "array_agg(r.notify_ticket) FILTER (WHERE r.notify_ticket <> '{}')) " +
                "FROM session_pool t CROSS JOIN LATERAL repair(t.session, t.pool) r WHERE t.session = $session",
            call("forget($session)"),
        ),
        ANY,
        declined = { "/ f " in it },
        rest = Operation("declare $session dead", listOf(silent(session))),
    )

/** All that changes a pool, or what its changes are judged by. */
internal val OPERATIONS =
    listOf(
        Operation("1 releases", listOf(exchange(1, "'{0}', '{0}', '{${T}01}'")), SERVING),
        Operation("1 releases what it is to give back", listOf(exchange(1, "'{0}', '{1}', '{${T}02}'")), ANY),
        Operation("2 cancels", listOf(exchange(2, "'{1}', '{1}', '{${T}06}'"))),
        Operation("2 cancels several", listOf(exchange(2, "'{1}', '{2}', '{${T}09}'"))),
        Operation("5 acquires", listOf(exchange(5, acquire = acquire())), ANY),
        Operation("5 tries", listOf(exchange(5, acquire = acquire(mode = 1))), SERVING),
        Operation("5 acquires several", listOf(exchange(5, acquire = acquire(slots = 2))), SERVING),
        Operation("5 acquires, retrying", listOf(retried(50)), SERVING),
        Operation("1 acquires by a name", listOf(exchange(1, acquire = acquire("request(99)", mode = 2))), SERVING),
        Operation("2 acquires by that name", listOf(exchange(2, acquire = acquire("request(99)", mode = 2))), SERVING),
        Operation(
            "1 releases and acquires, retrying",
            listOf(exchange(1, "'{0}', '{0}', '{${T}01}'", acquire("request(11)"), retry = true)),
            SERVING,
        ),
        Operation("2 polls", listOf(call("poll(2, 1)")), ANY),
        Operation("repair of 3", listOf(call("repair(3, 1)")), ANY, declined = { it.startsWith("(f,") }),
        Operation("5 resizes up", listOf(call("resize_pool(1, 7, 5, 0)")), ANY),
        Operation("5 resizes down", listOf(call("resize_pool(1, 1, 5, 0)")), ANY),
        Operation("5 deletes", listOf(call("delete_pool(1, false, 5, 0)")), ANY),
        Operation("delete by force", listOf(call("delete_pool(1, true)")), ANY),
        Operation("guard", listOf(call("guard_pool(1)")), ANY),
        Operation("5 evicts a slot", listOf(call("evict_slot(1, 0, 'op', 5, 0)")), SERVING),
        Operation("5 evicts session 1", listOf(call("evict_session(1, 'op', 5, 0)")), ANY),
        Operation("free what was evicted", listOf(call("free_evicted(1, 1, 1)")), ANY),
        Operation("5 creates a pool of that name", listOf(call("create_pool('p', 4, NULL, 5, 0)")), ANY),
        Operation("5 sets metadata", listOf(call("set_metadata(1, 0, '\"new\"', 5, 0)")), ANY),
        bury(5),
        bury(2),
        Operation("declare 5 dead", listOf(silent(5))),
        Operation("declare 2 dead", listOf(silent(2)), SERVING),
        Operation("declare 1 dead, as detached", listOf(call("declare_dead(1, true, 1, NULL)")), ANY, declined = { it == "false" }),
        Operation("end of 1", listOf(call("end_session(1)")), SERVING),
        Operation("end of 5", listOf(call("end_session(5)"))),
        Operation("successor of 2", listOf(call("open_session(ROW('a', 'b', 9)::process, 30000, 2000, false, 2)"))),
        Operation("raise epoch of 1", listOf(call("raise_epoch(1, 1)"))),
        Operation("raise epoch of 5", listOf(call("raise_epoch(5, 1)"))),
        Operation("1 renews", listOf(call("renew(1, '{1}')"))),
        Operation("5 renews", listOf(call("renew(5, '{1}')"))),
        Operation("1 attaches", listOf(call("attach(1, 2)")), attaches = true),
        Operation("2 attaches", listOf(call("attach(2, 2)")), attaches = true),
        Operation(
            "survey",
            listOf("SELECT string_agg(x::text, ' ' ORDER BY x.session_id) FROM survey(NULL) x"),
            declined = { "(2,attached,1,${request(2)},f," in it },
        ),
        Operation("forget 4", listOf(call("forget(4)"))),
        Operation("fence", listOf(call("fence('p', 0, ${T}01)"))),
    )

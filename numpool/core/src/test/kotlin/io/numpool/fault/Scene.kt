package io.numpool.fault

/**
 * A state of all tables that calls can meet in, the same each time down to ids, tickets and beats. Sessions: 1 and 2 attached, and their listener
 * connections are gone, of which is known of 1 alone; 3 dead, not repaired; 4 dead and repaired; 5 new. Tickets are ahead of the clock.
 */
internal enum class Scene(
    private val pool: String,
) {
    /** All slots are held, one is to be given back; a dead place, one of one slot, a dead one of two, one of two and one of one wait. */
    FULL(
        """
        INSERT INTO pool (number, id, capacity, metadata) OVERRIDING SYSTEM VALUE VALUES (1, 'p', 4, '"old"');
        INSERT INTO pool_state VALUES (1, 0, B'1111', ${T}11, ${T}05, 5, 1);
        INSERT INTO lease SELECT 1, slot, ${T}01 + slot, session, request(slot), false, NULL, '2020-01-01'
        FROM (VALUES (0, 1), (1, 1), (2, 3), (3, 2)) l(slot, session);
        INSERT INTO waiter SELECT 1, ${T}00 + nth, session, slots, request(nth), false, NULL, '2020-01-01'
        FROM (VALUES (5, 3, 1), (6, 2, 1), (7, 3, 2), (9, 2, 2), (11, 1, 1)) w(nth, session, slots);
        INSERT INTO session_pool VALUES (1, 1), (2, 1), (3, 1);
        INSERT INTO eviction (pool, slot, number) OVERRIDING SYSTEM VALUE VALUES (1, 1, 1);
        """,
    ),

    /** One slot is free and nobody waits; the lock of the pool is held. */
    FREE(
        """
        INSERT INTO pool (number, id, guards, capacity, metadata) OVERRIDING SYSTEM VALUE
        VALUES (1, 'p', NULL, 4, '"old"'), (2, NULL, 1, 1, NULL);
        INSERT INTO pool_state VALUES (1, 0, B'1110', ${T}03, ${T}01, 0, 1), (2, 0, B'1', ${T}01, ${T}01, 0, 0);
        INSERT INTO lease SELECT pool, slot, ${T}01 + slot, session, request(slot), false, NULL, '2020-01-01'
        FROM (VALUES (1, 0, 1), (1, 1, 1), (1, 2, 3), (2, 0, 2)) l(pool, slot, session);
        INSERT INTO session_pool VALUES (1, 1), (1, 2), (2, 2), (3, 1);
        INSERT INTO eviction (pool, slot, number) OVERRIDING SYSTEM VALUE VALUES (1, 1, 1);
        """,
    ),

    /** Deleted; the last slot is to be given back. */
    DOOMED(
        """
        INSERT INTO pool (number, id, capacity, deleted) OVERRIDING SYSTEM VALUE VALUES (1, 'p', 4, '2020-01-01');
        INSERT INTO pool_state VALUES (1, 0, B'0100', ${T}03, ${T}01, 0, 1);
        INSERT INTO lease VALUES (1, 1, ${T}02, 1, request(1), false, NULL, '2020-01-01');
        INSERT INTO session_pool VALUES (1, 1), (2, 1), (3, 1);
        INSERT INTO eviction (pool, slot, number) OVERRIDING SYSTEM VALUE VALUES (1, 1, 1);
        """,
    ),

    /** Like [FULL], in a new life of the server, which nobody has given a value yet. */
    RESTARTED("${FULL.pool} DELETE FROM incarnation;"),
    ;

    /** The calls that have something to do in it. */
    val operations get() = OPERATIONS.filter { this in it.scenes || this == RESTARTED }

    /** Makes it, whatever there was. */
    val call get() = "SELECT scene_${name.lowercase()}()"

    /** Defines [call], whose statements are planned once then. */
    val definition
        get() =
            "CREATE OR REPLACE FUNCTION scene_${name.lowercase()}() RETURNS void LANGUAGE plpgsql AS " +
                "${'$'}${'$'} BEGIN $FRESH $pool END ${'$'}${'$'};"
}

/** How tickets begin; two digits follow. */
internal const val T = "50000000000000"

/** From here on what a scene has not made itself: sessions, pools, marks. */
private const val NEW = 900_000

private const val TABLES = "pool pool_state lease waiter session session_beat session_pool fence eviction"

private val FRESH =
    TABLES.split(' ').joinToString("") { "DELETE FROM $it;" } +
        listOf("pool_number", "session_id", "eviction_number").joinToString("") { "PERFORM setval('${it}_seq', $NEW);" } +
        """
        UPDATE ticket_floor SET ticket = 0;
        INSERT INTO session (id, who, ttl_millis, grace_millis, mode, attach_number, incarnation, detached_since, dead) OVERRIDING SYSTEM VALUE
        SELECT id, ROW('a', 'b', id)::process, 30000, 2000, mode, CASE mode WHEN 'attached' THEN 1 ELSE 0 END,
               CASE mode WHEN 'attached' THEN current_incarnation() END, detached, dead
        FROM (VALUES (1, 'attached', timestamptz '2020-01-01', NULL), (2, 'attached', NULL, NULL),
                     (3, 'new', NULL, timestamptz '2020-01-02'), (4, 'new', NULL, '2020-01-02'), (5, 'new', NULL, NULL)) s(id, mode, detached, dead);
        INSERT INTO session_beat SELECT id, request(id), clock_timestamp() FROM session;
        INSERT INTO fence VALUES ('p', 0, 1);
        """

/** No lock is waited for in vain, however slow the machine is. */
private const val PATIENT = """
    DO ${'$'}${'$'}
    DECLARE
      waits regprocedure;
    BEGIN
      FOR waits IN SELECT oid FROM pg_proc WHERE pronamespace = 'numpool'::regnamespace AND proconfig::text LIKE '%lock_timeout%' LOOP
        EXECUTE format('ALTER FUNCTION %s SET lock_timeout = ''60s''', waits);
      END LOOP;
    END ${'$'}${'$'};
    """

private const val PREPARE = """
    CREATE OR REPLACE FUNCTION request(nth bigint) RETURNS uuid LANGUAGE sql AS ${'$'}${'$'} SELECT lpad(nth::text, 32, '0')::uuid ${'$'}${'$'};
    DO ${'$'}${'$'}
    BEGIN
      EXECUTE format('ALTER DATABASE %I SET deadlock_timeout = ''20ms''', current_database());
      EXECUTE format('ALTER DATABASE %I SET jit = off', current_database());
    END ${'$'}${'$'};
    """

/** What may never be, a row for each case. */
private const val INVARIANTS = """
    SELECT concat_ws(' ', 'pool', p.number, 'has', count(s.pool), 'states') AS broken
    FROM pool p FULL JOIN pool_state s ON s.pool = p.number GROUP BY p.number, coalesce(p.number, s.pool)
    HAVING count(s.pool) <> 1 OR p.number IS NULL
    UNION ALL
    SELECT concat_ws(' ', 'bits of pool', s.pool, 'are', s.usage, 'leases', l.slots)
    FROM pool_state s CROSS JOIN LATERAL (
      SELECT coalesce(array_agg(x.slot ORDER BY x.slot), '{}') AS slots FROM lease x WHERE x.pool = s.pool) l
    WHERE l.slots <> ARRAY(SELECT b FROM generate_series(0, length(s.usage) - 1) b WHERE get_bit(s.usage, b) = 1)
    UNION ALL
    SELECT concat_ws(' ', 'counts of pool', s.pool) FROM pool_state s JOIN pool p ON p.number = s.pool
    WHERE s.waiting <> (SELECT count(*) FROM waiter w WHERE w.pool = s.pool)
       OR s.marks <> (SELECT count(*) FROM eviction e WHERE e.pool = s.pool)
       OR s.low_ticket > (SELECT min(w.ticket) FROM waiter w WHERE w.pool = s.pool)
       OR s.last_ticket < (SELECT max(w.ticket + w.slots - 1) FROM waiter w WHERE w.pool = s.pool)
       OR s.last_ticket < (SELECT max(l.token) FROM lease l WHERE l.pool = s.pool)
       OR length(s.usage) < p.capacity
       OR p.number > 900000 AND s.last_ticket < (SELECT f.ticket FROM ticket_floor f)
    UNION ALL
    SELECT concat_ws(' ', 'deleted pool', p.number, 'is not gone, or is waited for') FROM pool p JOIN pool_state s ON s.pool = p.number
    WHERE p.deleted IS NOT NULL AND (bit_count(s.usage) = 0 OR s.waiting > 0)
    UNION ALL
    SELECT concat_ws(' ', 'idle slots in pool', p.number) FROM pool p JOIN pool_state s ON s.pool = p.number
    JOIN LATERAL (SELECT * FROM waiter x WHERE x.pool = p.number ORDER BY x.ticket LIMIT 1) head ON true
    JOIN session h ON h.id = head.session AND h.dead IS NULL
    WHERE head.slots <= bit_count(~substring(s.usage FOR p.capacity)) OR head.slots > p.capacity
    UNION ALL
    SELECT concat_ws(' ', 'session', x.session, 'is nobody''s, or not to be repaired in pool', x.pool)
    FROM (SELECT l.pool, l.session FROM lease l UNION SELECT w.pool, w.session FROM waiter w) x
    WHERE NOT EXISTS (SELECT 1 FROM session s WHERE s.id = x.session)
       OR NOT EXISTS (SELECT 1 FROM session_pool t WHERE t.session = x.session AND t.pool = x.pool)
       OR NOT EXISTS (SELECT 1 FROM pool p WHERE p.number = x.pool)
    UNION ALL
    SELECT concat_ws(' ', 'granted to session', s.id, 'that was dead before') FROM session s
    WHERE s.dead < '2021-01-01' AND (EXISTS (SELECT 1 FROM lease l WHERE l.session = s.id AND l.since > s.dead)
       OR EXISTS (SELECT 1 FROM waiter w WHERE w.session = s.id AND w.since > s.dead))
    UNION ALL
    SELECT concat_ws(' ', 'session', coalesce(s.id, b.session), 'and its beat') FROM session s FULL JOIN session_beat b ON b.session = s.id
    WHERE s.id IS NULL OR b.session IS NULL
    UNION ALL
    SELECT concat_ws(' ', 'mark of free slot', e.slot, 'of pool', e.pool) FROM eviction e
    WHERE NOT EXISTS (SELECT 1 FROM lease l WHERE l.pool = e.pool AND l.slot = e.slot)
    UNION ALL
    SELECT concat_ws(' ', 'touched is pool', t.pool, 'that is gone') FROM session_pool t
    WHERE NOT EXISTS (SELECT 1 FROM pool p WHERE p.number = t.pool)
    UNION ALL
    SELECT concat_ws(' ', 'request', r.request, 'of pool', r.pool, 'has', count(*), 'owners') FROM (
      SELECT DISTINCT l.pool, l.request, l.session, 'holds' AS as_what FROM lease l
      UNION ALL SELECT w.pool, w.request, w.session, 'waits' FROM waiter w) r
    GROUP BY r.pool, r.request HAVING count(*) > 1
    UNION ALL
    SELECT concat_ws(' ', 'two sessions share ticket', l.token, 'of pool', l.pool) FROM lease l
    JOIN waiter w ON w.pool = l.pool AND l.token BETWEEN w.ticket AND w.ticket + w.slots - 1
    """

/**
 * Everything in the tables but times, beats and generations, a line each; and a line that begins with `!` for all that may never be,
 * between any two calls.
 */
internal val STATE =
    """
    SELECT string_agg(line, E'\n' ORDER BY line COLLATE "C") FROM (
      SELECT concat_ws(' ', 'pool', p.number, p.id, p.guards, p.capacity, p.metadata, p.metadata_version, p.deleted IS NOT NULL) FROM pool p
      UNION ALL SELECT concat_ws(' ', 'state', pool, usage, last_ticket, low_ticket, waiting, marks) FROM pool_state
      UNION ALL SELECT concat_ws(' ', 'lease', pool, slot, token, session, request, named, label) FROM lease
      UNION ALL SELECT concat_ws(' ', 'waiter', pool, ticket, session, slots, request, named, label) FROM waiter
      UNION ALL SELECT concat_ws(' ', 'session', id, mode, epoch, attach_number, detached_since IS NULL, dead IS NULL) FROM session
      UNION ALL SELECT concat_ws(' ', 'beat', session, beat = request(session)) FROM session_beat
      UNION ALL SELECT concat_ws(' ', 'touched', session, pool) FROM session_pool
      UNION ALL SELECT concat_ws(' ', 'fence', pool, slot, token) FROM fence
      UNION ALL SELECT concat_ws(' ', 'eviction', pool, slot, number, who) FROM eviction
      UNION ALL SELECT concat_ws(' ', 'floor', ticket) FROM ticket_floor
      UNION ALL SELECT '! ' || broken FROM ($INVARIANTS) i
    ) lines(line)
    """

/** What the scenes before left behind, which every look at a table would walk over. */
internal fun Sql.sweepScenes() = execute("VACUUM ${TABLES.replace(" ", ", ")}")

/** Calls of this database wait for their locks as long as a test may last. */
internal fun Sql.makePatient() = execute(PATIENT)

/** Once for a database. */
internal fun Sql.prepareScenes() {
    makePatient()
    execute(PREPARE)
    Scene.values().forEach { execute(it.definition) }
}

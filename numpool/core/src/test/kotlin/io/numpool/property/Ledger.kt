package io.numpool.property

import io.numpool.testkit.TestDatabase

/**
 * Looks over the shoulder of the database: triggers note each grant, each end of one and each place in the queue, in the order of the
 * pool's lock, and check at every commit what must hold then. So nothing that is only wrong for a moment goes unseen.
 */
internal class Ledger(
    private val database: TestDatabase,
) {
    init {
        database.execute(TRIGGERS)
    }

    class Entry(
        val kind: String,
        val slot: Int,
        val ticket: Long,
        val session: Long,
        val request: String,
        /** Whether its session lived then. */
        val alive: Boolean,
        /** How many it asks for, from its ticket on; 1 of a lease. */
        val slots: Int,
        /** How many the pool has. */
        val capacity: Int,
        val transaction: Long,
        /** By the wall clock, in microseconds. */
        val atMicros: Long,
    ) {
        val asker get() = request to session

        override fun toString() = "$kind slot $slot ticket $ticket session $session" + if (alive) "" else " (dead)"
    }

    fun entries(pool: String): List<Entry> =
        database.connect().use { connection ->
            connection
                .prepareStatement(
                    "SELECT e.kind, e.slot, e.ticket, e.session, e.request, e.alive, e.slots, e.capacity, e.transaction, " +
                        "(extract(epoch FROM e.at) * 1000000)::bigint " +
                        "FROM audit.entry e JOIN numpool.pool p ON p.number = e.pool WHERE p.id = ? ORDER BY e.seq",
                ).use { statement ->
                    statement.setString(1, pool)
                    statement.executeQuery().use { row ->
                        generateSequence {
                            if (row.next()) {
                                Entry(
                                    row.getString(1),
                                    row.getInt(2),
                                    row.getLong(3),
                                    row.getLong(4),
                                    row.getString(5),
                                    row.getBoolean(6),
                                    row.getInt(7),
                                    row.getInt(8),
                                    row.getLong(9),
                                    row.getLong(10),
                                )
                            } else {
                                null
                            }
                        }.toList()
                    }
                }
        }

    /** What was wrong at a commit, in any pool, since this was last asked for. */
    fun violations(): List<String> =
        database.connect().use { connection ->
            connection.createStatement().use { statement ->
                statement.executeQuery("DELETE FROM audit.violation RETURNING what").use { row ->
                    generateSequence { if (row.next()) row.getString(1) else null }.toList()
                }
            }
        }

    /** P2, P3 and P6, as far as one pool's entries tell. */
    fun judge(entries: List<Entry>): List<String> {
        val found = mutableListOf<String>()
        val holders = HashMap<Int, Entry>()
        val queue = HashMap<Long, Entry>()
        val places = HashMap<Pair<String, Long>, Entry>()
        val grants = HashMap<Pair<String, Long>, Entry>()
        val newestOf = HashMap<Int, Entry>()
        val freed = HashMap<Long, Entry>() // handed another slot over, its holder gives back the one that the database granted it meanwhile
        var newest = 0L
        var newestOfOthers = 0L // those of one transaction are noted in no order
        var transaction = 0L
        for (it in entries) {
            when (it.kind) {
                "queue" -> {
                    places.put(it.asker, it)?.let { other -> found += "P6: $it, for a request that has $other" }
                    queue[it.ticket] = it
                }

                "leave" -> {
                    queue -= it.ticket
                    // a pool that shrinks drops who asks for more than it has; when it has grown again, they ask again
                    if (it.slots > it.capacity) places -= it.asker
                }

                "grant" -> {
                    holders.put(it.slot, it)?.let { other -> found += "P1: $it, while $other" }
                    if (it.transaction != transaction) newestOfOthers = newest
                    transaction = it.transaction
                    val moved = freed.remove(it.ticket)?.takeIf { old -> old.transaction == it.transaction && old.session == it.session }
                    if (it.ticket <= newestOfOthers && moved == null) found += "P2: $it, after token $newestOfOthers"
                    newestOf.put(it.slot, it)?.let { last -> if (last.ticket >= it.ticket) found += "P2: $it, after $last" }
                    newest = maxOf(newest, it.ticket)
                    queue.values.filter { other -> other.ticket < it.ticket }.forEach { other -> found += "P3: $it, while $other waits" }
                    val place = places[it.asker]
                    if (place != null && it.ticket !in place.ticket until place.ticket + place.slots) {
                        found += "P6: $it, for a request that has $place"
                    }
                    if (moved != null) grants[it.asker] = it
                    val first = grants.getOrPut(it.asker) { it }
                    if (first.transaction != it.transaction) found += "P6: $it, for a request that has $first"
                }

                "free" -> {
                    freed[it.ticket] = it
                    holders.remove(it.slot)?.let { held -> if (held.ticket != it.ticket) found += "P2: $it, while $held" }
                }
            }
        }
        return found
    }

    /** P3 of what was handed over, which the tables may never show: whoever is served while an earlier ticket of another session waits. */
    fun judge(
        entries: List<Entry>,
        served: List<Served>,
    ): List<String> {
        val sessions = entries.filter { it.kind == "queue" || it.kind == "grant" }.associate { it.ticket to it.session }
        val ends = entries.filter { it.kind == "leave" }.associate { it.ticket to it.atMicros }
        val places = entries.filter { it.kind == "queue" }
        return served.flatMap { it ->
            val session = sessions[it.token] ?: entries.firstOrNull { e -> it.token in e.ticket until e.ticket + e.slots }?.session
            places
                .filter { place -> place.ticket < it.token && place.session != session }
                .filter { place -> place.atMicros + SLACK < it.atMicros && it.atMicros + SLACK < (ends[place.ticket] ?: Long.MAX_VALUE) }
                .map { place -> "P3: token ${it.token} of session $session was served while $place waited" }
        }
    }

    /** A slot was given to somebody who waited for it, at that moment by the wall clock, in microseconds. */
    class Served(
        val token: Long,
        val atMicros: Long,
    )

    private companion object {
        /** Between the clocks of the JVM and of the server. */
        const val SLACK = 1_000L
        val TRIGGERS =
            """
            CREATE SCHEMA audit;
            CREATE TABLE audit.entry (
              seq bigserial PRIMARY KEY, pool integer, kind text, slot integer, ticket bigint, session bigint, request uuid, alive boolean, slots integer,
              capacity integer, transaction bigint DEFAULT txid_current(), at timestamptz DEFAULT clock_timestamp()
            );
            CREATE INDEX ON audit.entry (pool);
            CREATE TABLE audit.violation (what text);

            CREATE FUNCTION audit.note() RETURNS trigger LANGUAGE plpgsql AS $$
            DECLARE
              it jsonb := to_jsonb(coalesce(NEW, OLD));
            BEGIN
              INSERT INTO audit.entry (pool, kind, slot, ticket, session, request, slots, capacity, alive)
              VALUES (
                (it->>'pool')::integer,
                CASE WHEN TG_TABLE_NAME = 'lease' THEN CASE TG_OP WHEN 'INSERT' THEN 'grant' ELSE 'free' END
                     ELSE CASE TG_OP WHEN 'INSERT' THEN 'queue' ELSE 'leave' END END,
                coalesce((it->>'slot')::integer, -1), coalesce(it->>'token', it->>'ticket')::bigint, (it->>'session')::bigint,
                (it->>'request')::uuid, coalesce((it->>'slots')::integer, 1),
                (SELECT p.capacity FROM numpool.pool p WHERE p.number = (it->>'pool')::integer),
                EXISTS (SELECT 1 FROM numpool.session s WHERE s.id = (it->>'session')::bigint AND s.dead IS NULL));
              RETURN NULL;
            END $$;
            CREATE TRIGGER note AFTER INSERT OR DELETE ON numpool.lease FOR EACH ROW EXECUTE FUNCTION audit.note();
            CREATE TRIGGER note AFTER INSERT OR DELETE ON numpool.waiter FOR EACH ROW EXECUTE FUNCTION audit.note();

            CREATE FUNCTION audit.look() RETURNS trigger LANGUAGE plpgsql AS $$
            DECLARE
              asked integer := (to_jsonb(coalesce(NEW, OLD))->>'pool')::integer;
              it record;
            BEGIN
              FOR it IN
                SELECT p.capacity, p.deleted, s.usage, s.waiting,
                  ARRAY(SELECT b FROM generate_series(0, length(s.usage) - 1) b WHERE get_bit(s.usage, b) = 1) AS bits,
                  ARRAY(SELECT l.slot FROM numpool.lease l WHERE l.pool = p.number ORDER BY l.slot) AS leased,
                  (SELECT count(*) FROM numpool.waiter w WHERE w.pool = p.number) AS places,
                  (SELECT w.slots FROM numpool.waiter w WHERE w.pool = p.number ORDER BY w.ticket LIMIT 1) AS head,
                  (SELECT count(*) FROM generate_series(0, p.capacity - 1) b WHERE get_bit(s.usage, b) = 0) AS free,
                  (SELECT count(*) FROM numpool.waiter w WHERE w.pool = p.number AND w.ticket < s.low_ticket) AS below,
                  (SELECT count(*) FROM numpool.lease l WHERE l.pool = p.number
                     AND NOT EXISTS (SELECT 1 FROM numpool.session e WHERE e.id = l.session)) AS orphans
                FROM numpool.pool p JOIN numpool.pool_state s ON s.pool = p.number WHERE p.number = asked
              LOOP
                INSERT INTO audit.violation (what)
                SELECT format('%s, in pool %s: usage %s, leases %s, waiting %s, places %s',
                  v, asked, it.usage, it.leased, it.waiting, it.places)
                FROM unnest(array_remove(ARRAY[
                  CASE WHEN it.bits <> it.leased THEN 'P1: the bits are not the leases' END,
                  CASE WHEN it.waiting <> it.places THEN 'P1: the count is not that of the places' END,
                  CASE WHEN it.below > 0 THEN 'P3: a place below the lowest' END,
                  CASE WHEN it.orphans > 0 THEN 'P7: a lease without a session' END,
                  CASE WHEN it.deleted IS NULL AND it.free >= it.head THEN 'P4: enough free slots while somebody waits' END,
                  CASE WHEN it.head > it.capacity THEN 'P4: somebody waits for more slots than there are' END], NULL)) v;
              END LOOP;
              RETURN NULL;
            END $$;
            CREATE CONSTRAINT TRIGGER look AFTER INSERT OR DELETE ON numpool.lease DEFERRABLE INITIALLY DEFERRED
              FOR EACH ROW EXECUTE FUNCTION audit.look();
            CREATE CONSTRAINT TRIGGER look AFTER INSERT OR DELETE ON numpool.waiter DEFERRABLE INITIALLY DEFERRED
              FOR EACH ROW EXECUTE FUNCTION audit.look();
            CREATE CONSTRAINT TRIGGER look AFTER INSERT OR UPDATE ON numpool.pool_state DEFERRABLE INITIALLY DEFERRED
              FOR EACH ROW EXECUTE FUNCTION audit.look();
            """.trimIndent()
    }
}

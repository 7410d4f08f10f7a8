package io.numpool.mutation

import io.numpool.mutation.Mutant.Edit

/** Every defect that some test must see; MUTATIONS.md shows them. */
internal object Mutants {
    private fun sql(
        defect: String,
        spec: String,
        test: String,
        vararg edits: Edit,
    ) = Mutant(defect, Source.Sql, spec, test, edits.toList())

    private fun kotlin(
        defect: String,
        file: String,
        from: String,
        to: String,
        spec: String,
        test: String,
    ) = Mutant(defect, Source.Kotlin(file), spec, test, listOf(Edit(null, from, to)))

    private fun edit(
        function: String,
        from: String,
        to: String,
    ) = Edit(function, from, to)

    private const val POOL_LOCK = "  PERFORM pg_advisory_xact_lock('pool'::regclass::oid::integer, pool_number);\n"
    private const val OF_SESSION = "('session_beat'::regclass::oid::integer, (session_id & 2147483647)::integer);\n"
    private const val BUSY_SHARED = "  PERFORM pg_advisory_xact_lock_shared$OF_SESSION"
    private const val BUSY = "  PERFORM pg_advisory_xact_lock$OF_SESSION"

    private val inSql =
        listOf(
            sql(
                "Whoever releases a slot is not asked for its token",
                "fault.ExchangeSqlTest",
                "a release under an old token changes nothing",
                edit("exchange", "AND y.token = u.ticket AND y.session", "AND y.session"),
            ),
            sql(
                "Whoever releases a slot is not asked whether it is theirs",
                "fault.ExchangeSqlTest",
                "a release by a session that does not hold the slot changes nothing",
                edit("exchange", " AND y.session = session_id LIMIT 1", " LIMIT 1"),
            ),
            sql(
                "The statement that takes the pool's lock reads its state, too: as it was before it waited",
                "fault.InterleavingTest",
                "FULL: while '5 acquires' is not committed",
                edit("exchange", POOL_LOCK, ""),
                edit(
                    "exchange",
                    "FROM pool_state s WHERE s.pool = pool_number ORDER BY",
                    "FROM (SELECT pg_advisory_xact_lock('pool'::regclass::oid::integer, pool_number)) locked, pool_state s " +
                        "WHERE s.pool = pool_number ORDER BY",
                ),
            ),
            sql(
                "A waiter whose session is dead is granted a slot",
                "fault.ExchangeSqlTest",
                "waiters of a dead session are passed over",
                edit("grant_waiting", "CONTINUE WHEN NOT head.alive;", ""),
            ),
            sql(
                "A cancel keeps the slot that its ticket was granted meanwhile",
                "fault.ExchangeSqlTest",
                "a cancel of a ticket that was granted meanwhile frees its slot",
                edit("exchange", "ON k.session = session_id AND k.token >= m.first", "ON m.nth < 0 AND k.token >= m.first"),
            ),
            sql(
                "Whoever leaves a place is not asked whether it is theirs",
                "fault.ExchangeSqlTest",
                "a cancel by a session whose place it is not changes nothing",
                edit("exchange", "ELSE u.next END AND y.session = session_id", "ELSE u.next END"),
            ),
            sql(
                "A call of an old epoch is served",
                "fault.ExchangeSqlTest",
                "a call under an old epoch is refused and changes nothing",
                edit("exchange", "IF caller.epoch IS DISTINCT FROM session_epoch THEN", "IF false THEN"),
            ),
            sql(
                "A call of a dead session is served",
                "fault.ExchangeSqlTest",
                "a call of a dead session is refused and changes nothing",
                edit("exchange", "IF NOT FOUND OR caller.dead IS NOT NULL THEN", "IF NOT FOUND THEN"),
            ),
            sql(
                "A retry takes tickets without a look at what it has already",
                "fault.ExchangeSqlTest",
                "a retry finds the ticket that the first call took",
                edit("exchange", "IF retry THEN\n      found_at", "IF false THEN\n      found_at"),
            ),
            sql(
                "A slot that is freed is not granted on",
                "fault.PredecessorDefectsTest",
                "1: a freed slot goes to the first in line",
                edit("exchange", "IF waiting > 0 AND slot >= 0 AND slot < pool_capacity AND NOT deleted THEN", "IF false THEN"),
            ),
            sql(
                "A newcomer takes a free slot while somebody waits for several",
                "GroupTest",
                "who waits for several lets nobody pass",
                edit("exchange", "CASE WHEN waiting = 0 THEN position(B'0' IN usage) - 1 ELSE -1 END", "position(B'0' IN usage) - 1"),
            ),
            sql(
                "Those behind one who waits for several go first",
                "GroupTest",
                "who waits for several lets nobody pass",
                edit("grant_waiting", "h.ticket < coalesce(many.ticket, 9223372036854775807)", "h.slots = 1"),
            ),
            sql(
                "A request id of another session's is taken for a new one",
                "fault.ExchangeSqlTest",
                "a request id of another live session is refused",
                edit("exchange", "IF known.session <> session_id THEN", "IF false THEN"),
            ),
            sql(
                "Slots above the capacity are granted",
                "fault.PoolSqlTest",
                "after shrinking, slots at or above the capacity are not granted again",
                edit("exchange", "IF slot >= 0 AND slot < pool_capacity\n", "IF slot >= 0\n"),
            ),
            sql(
                "The name of a deleted pool is free while its lock is held",
                "DeletePoolTest",
                "a lock that is held, alone, keeps the name until its block has ended",
                edit("purge_pool", "UPDATE pool g SET id = name, guards = NULL WHERE g.guards = pool_number;", ""),
            ),
            sql(
                "New slots are not granted to those who wait",
                "fault.PoolSqlTest",
                "growing grants the new slots at once",
                edit("resize_pool", "grant_waiting(resized, new_capacity, usage,", "grant_waiting(resized, 0, usage,"),
            ),
            sql(
                "Every commit is asynchronous",
                "fault.ExchangeSqlTest",
                "a slot, a place and a cancel are on disk when they are told",
                edit("exchange", "IF cardinality(acquire_request) = 0 AND NOT granted AND 0 = ALL (settle_kind) THEN", "IF true THEN"),
            ),
            sql(
                "A renewal does not take the busy lock: it may come in between a declaration's look and its commit",
                "fault.InFlightTest",
                "a renewal in flight saves its session, and one that comes after the declaration is refused",
                edit("renew", BUSY_SHARED, ""),
            ),
            sql(
                "A session is declared dead while a call of it is in flight",
                "fault.DeathSqlTest",
                "a session is declared dead only when no call of it is in flight",
                edit("declare_dead", BUSY, ""),
            ),
            sql(
                "An epoch is raised while a call of the old one is in flight",
                "fault.ExchangeSqlTest",
                "an epoch is raised only after what is in flight",
                edit("raise_epoch", BUSY, ""),
            ),
            sql(
                "An epoch is lowered",
                "fault.ExchangeSqlTest",
                "an epoch is never lowered",
                edit("raise_epoch", "greatest(s.epoch, to_epoch)", "to_epoch"),
            ),
            sql(
                "The beat is not read again before a session is declared dead",
                "fault.DeathSqlTest",
                "a renewal in flight saves the session: the beat is read again after it",
                edit("declare_dead", "IF NOT detachment AND it.beat IS DISTINCT FROM seen_beat THEN", "IF false THEN"),
            ),
            sql(
                "The attach number is not read again before a session is declared dead",
                "fault.DeathSqlTest",
                "a session that attached again meanwhile is not dead",
                edit("declare_dead", "\n                     OR it.attach_number <> seen_attach)", ")"),
            ),
            sql(
                "A session is declared dead by detachment though its connection holds the lock that says alive",
                "fault.DeathSqlTest",
                "a session whose listener connection lives is not dead by detachment",
                edit(
                    "declare_dead",
                    "IF detachment AND NOT pg_try_advisory_xact_lock('session'::regclass::oid::integer, " +
                        "(session_id & 2147483647)::integer) THEN",
                    "IF false THEN",
                ),
                edit("declare_dead", "OR it.detached_since IS NULL", ""),
            ),
            sql(
                "A late attach is accepted",
                "fault.DeathSqlTest",
                "a late attach is refused",
                edit("attach", "IF attach.attach_number <= earlier.attach_number THEN", "IF false THEN"),
            ),
            sql(
                "Detachment is judged across lives of the server",
                "fault.DeathSqlTest",
                "a session that was attached in an earlier life of the server is not dead by detachment",
                edit("survey", "s.incarnation = survey.incarnation AND s.detached_since", "s.detached_since"),
                edit("survey", " AND s.incarnation IS NOT DISTINCT FROM survey.incarnation", ""),
                edit("declare_dead", "OR it.incarnation IS DISTINCT FROM current_incarnation()", ""),
            ),
            sql(
                "What a dead session held is not granted on when it is freed",
                "fault.DeathSqlTest",
                "a repair grants what it freed to the head of the queue",
                edit("repair", "IF NOT it.deleted THEN", "IF false THEN"),
            ),
            sql(
                "What a crashed process held is not freed",
                "fault.PredecessorDefectsTest",
                "3: a crashed holder's slot comes back",
                edit("repair", "WHERE get_bit(usage, b) = 1 AND l.session = session_id\n", "WHERE false\n"),
            ),
            sql(
                "The predecessor of a session lives on",
                "fault.DeathSqlTest",
                "a session opened as the successor of another ends it",
                edit("open_session", "WHERE s.id = predecessor AND s.dead IS NULL;", "WHERE false;"),
            ),
            sql(
                "A pool that is made again begins with the clock, whatever tickets it gave before",
                "fault.PoolSqlTest",
                "a pool made again under an old name never repeats a token",
                edit("purge_pool", "UPDATE ticket_floor f SET ticket = highest WHERE f.ticket < highest;", ""),
            ),
            sql(
                "In another life of the server tickets go on where the last commit that it knows left off",
                "fault.PoolSqlTest",
                "another life of the server",
                edit("exchange", "IF before.incarnation <> incarnation AND cardinality(acquire_request) > 0 THEN", "IF false THEN"),
            ),
            sql(
                "A session's channel has a longer name than PostgreSQL knows",
                "fault.PredecessorDefectsTest",
                "5: the longest ids and names",
                Edit(null, "DEFAULT 'numpool_' || replace(", "DEFAULT repeat('n', 64) || replace("),
            ),
            sql(
                "An older token passes the fence",
                "FenceTest",
                "refuses an older token once a newer one has passed",
                edit("fence", "WHERE f.token <= excluded.token", "WHERE true"),
            ),
        )

    private val inKotlin =
        listOf(
            kotlin(
                "A slot whose caller is cancelled on the way is dropped",
                "Pending",
                "{ _, value, _ -> value?.abandon() }",
                "{ _, _, _ -> }",
                "fault.PredecessorDefectsTest",
                "2: a waiter cancelled after its grant and before it runs again passes the slot on",
            ),
            kotlin(
                "A grant that nobody wants any more is kept",
                "LaneState",
                "slots.forEachIndexed { nth, slot -> unsent += Settle.release(seat.ticket + nth, slot) }",
                "",
                "fault.PredecessorDefectsTest",
                "2: a waiter cancelled while its grant is on the way to the client passes the slot on",
            ),
            kotlin(
                "A cancelled acquire keeps its place in the queue",
                "LaneState",
                "waiting.remove(seat.ticket) != null) unsent += cancelOf(seat)",
                "waiting.remove(seat.ticket) != null) return",
                "AcquireTest",
                "a cancelled acquire leaves the queue, and the next is served",
            ),
            kotlin(
                "A call of unknown outcome is sent again under the same epoch",
                "LaneCalls",
                "outdated = changes",
                "outdated = false",
                "fault.LostCallTest",
                "a call that arrives late, when its retry is done, is refused and changes nothing",
            ),
            kotlin(
                "A call of unknown outcome is sent again as if it were new",
                "LaneCalls",
                "unknown = changes",
                "unknown = false",
                "fault.LostCallTest",
                "the answer of an acquire is lost",
            ),
            kotlin(
                "Who waits when the session is lost is forgotten",
                "LaneState",
                "                it.forgetTicket()\n                unsentSeats.addFirst(it)",
                "                it.forgetTicket()",
                "fault.DeadlineTest",
                "a client that lost its session goes on with a new one",
            ),
            kotlin(
                "Nothing is polled",
                "Lane",
                "private fun nanosToPoll() = polledNanos + engine.pollNanos - System.nanoTime()",
                "private fun nanosToPoll() = 3_600_000_000_000L",
                "fault.ConnectionFaultTest",
                "every NOTIFY dropped",
            ),
            kotlin(
                "What was granted while nobody listened is not read after the next attach",
                "Lane",
                "state.reread = state.reread || state.isQueued",
                "state.reread = state.reread || false",
                "fault.ConnectionFaultTest",
                "a grant whose notice was sent while nobody listened is read after the next attach",
            ),
            kotlin(
                "Grants to others are not announced",
                "Pump",
                "        inbox.trySend(line(pool, notice))",
                "        line(pool, notice)",
                "ListenerControlTest",
                "the listener is started by open, and brings grants of others without polling",
            ),
            kotlin(
                "Grants to others are announced in a transaction that is rolled back",
                "Pump",
                "engine.bridge.run { engine.store.announce(it, payloads.map { (session, _) -> session }, payloads.map { (_, text) -> text }) }",
                """
                engine.bridge.run {
                    it.autoCommit = false
                    engine.store.announce(it, payloads.map { (session, _) -> session }, payloads.map { (_, text) -> text })
                    it.rollback()
                    it.autoCommit = true
                }
                """,
                "ListenerControlTest",
                "the listener is started by open, and brings grants of others without polling",
            ),
            kotlin(
                "A notice of a ticket that does not wait here any more has its slot given back",
                "LaneState",
                "seatOf(ticket) ?: return\n",
                "seatOf(ticket) ?: run { unsent += Settle.release(ticket, slot) }.let { return }\n",
                "fault.NoticeTest",
                "a notice that comes again, when its slot is in use, changes nothing",
            ),
            kotlin(
                "A slot that is closed twice is given back twice",
                "Held",
                "if (end(Phase.RELEASED) || current.compareAndSet(Phase.OWED, Phase.LOST)) lane.release(this)",
                "end(Phase.RELEASED)\n        lane.release(this)",
                "ResourceTest",
                "a second release sends nothing",
            ),
            kotlin(
                "A client whose listener is gone gives itself up",
                "SessionKeeper",
                "        attached = null\n        announced = error",
                "        live.value?.let { lose(it, \"its listener is gone\") }\n        attached = null\n        announced = error",
                "fault.PredecessorDefectsTest",
                "6: a client whose listener is gone goes on",
            ),
            kotlin(
                "Whoever ends the use of a slot does so though another was first",
                "Held",
                "if (!current.compareAndSet(Phase.HELD, phase)) return false",
                "current.set(phase)",
                "concurrent.RacesTest",
                "whoever ends the use of a slot",
            ),
            kotlin(
                "A slot that arrives when its session is lost is used",
                "Session",
                "lostBecause?.let { resource.lose(it) } // the loss may have come before the first line",
                "",
                "internal.SessionTest",
                "a slot that arrives after the session was lost",
            ),
            kotlin(
                "After a crash of the server, what it forgot is not looked for",
                "Engine",
                "lanes.values.forEach { it.compareAll() }",
                "",
                "fault.ServerFaultTest",
                "a release that a crash undid is given back again",
            ),
            kotlin(
                "Whether a slot is held is a flag, for others to set in time",
                "Held",
                "isOpen && session.isAlive",
                "isOpen",
                "fault.DeadlineTest",
                "a holder sees its slot lost by its clocks, though no thread of the client gets to run",
            ),
            kotlin(
                "A deadline goes by the monotonic clock alone",
                "Deadline",
                "max((later.nanos - nanos) / 1_000_000, later.millis - millis)",
                "(later.nanos - nanos) / 1_000_000",
                "fault.DeadlineTest",
                "a deadline goes by the clock that saw more time",
            ),
            kotlin(
                "A renewal counts from when its answer came",
                "SessionKeeper",
                "session.deadline.renewed(sent)",
                "session.deadline.renewed(Moment.now())",
                "fault.DeadlineTest",
                "a renewal counts from when it was sent",
            ),
            kotlin(
                "A ping counts from when its answer came: the deadline, from when the break is noticed",
                "SessionKeeper",
                "attached?.deadline?.pinged(Moment.at(sentNanos))",
                "attached?.deadline?.pinged(Moment.now())",
                "fault.DeadlineTest",
                "a ping counts from when it was sent",
            ),
            kotlin(
                "A deadline is the moment at which others may judge, without a margin",
                "Deadline",
                "private val margin = max(200, graceMillis / 10)",
                "private val margin = 0L + 0 * max(200, graceMillis / 10)",
                "fault.DeadlineTest",
                "a deadline is a margin before the TTL",
            ),
            kotlin(
                "A grace is counted by the database's clock, not by what the reaper itself has seen to stand still",
                "Reaper",
                "detachments.isOver(it.id()) && attempt",
                "it.detached() && attempt",
                "fault.ConnectionFaultTest",
                "a grace is counted by the reaper's clock, whatever the database's says",
            ),
            kotlin(
                "A connection that is being made is waited for without end",
                "OwnConnections",
                "addDataSourceProperty(\"loginTimeout\", \"\$LOGIN_SECONDS\")",
                "",
                "fault.WireHoleTest",
                "a connection that a client opened with a URL is making is swallowed for ever",
            ),
            kotlin(
                "Calls that take too long are ended only when the client is open",
                "Opening",
                "engine.watch()",
                "",
                "fault.WireHoleTest",
                "the connection of a client that opens is swallowed for ever in the middle of a call",
            ),
            kotlin(
                "Any refused connection counts for the end of the server",
                "ServerEnd",
                "if (this == NOT_ANNOUNCED) return false",
                "",
                "fault.DeadlineTest",
                "a network that refuses connections is no end of the server",
            ),
        )

    private val inHandOver =
        listOf(
            sql(
                "The slot that a ticket was granted is not freed when another is handed over to it",
                "fault.ExchangeSqlTest",
                "a hand-over to a ticket frees the slot that it was granted meanwhile",
                edit(
                    "exchange",
                    "CONTINUE WHEN settle_kind[i] = 0 OR left_queue[i];",
                    "CONTINUE WHEN settle_kind[i] <> 1 OR left_queue[i];",
                ),
            ),
            sql(
                "Tickets of other sessions do not bound a hand-over",
                "fault.ExchangeSqlTest",
                "no ticket of another session waits below the foreign bound",
                edit("exchange", "FILTER (WHERE p.session <> session_id)", "FILTER (WHERE false)"),
            ),
            sql(
                "Whoever hands a slot over is not asked whether it is theirs",
                "fault.ExchangeSqlTest",
                "a hand-over by a session that does not hold the slot is stale",
                edit("exchange", "y.token = u.ticket AND y.session = session_id LIMIT 1", "y.token = u.ticket LIMIT 1"),
            ),
            sql(
                "The dead leases of a slot that is handed over are walked over",
                "fault.DeadRowsTest",
                "never analyzed: a call reads what lives, and no dead row",
                edit("exchange", "leased := set_bit(leased, gone.slot, 0);", ""),
            ),
            sql(
                "Places that were handed a slot stay in the way of the head of the queue",
                "fault.ExchangeSqlTest",
                "what left the head of the queue is not walked over again",
                edit("exchange", "IF true = ANY (left_queue) THEN", "IF false THEN"),
            ),
            kotlin(
                "A slot is handed over though another session has an earlier ticket",
                "LaneState",
                "seat.ticket >= foreignBound || ",
                "",
                "fault.HandOverTest",
                "an earlier waiter of another process goes first",
            ),
            kotlin(
                "A slot is handed over to a lower ticket than it was held under",
                "LaneState",
                "seat.ticket < resource.token || ",
                "",
                "fault.HandOverTest",
                "tokens of a slot rise",
            ),
            kotlin(
                "A notice of a ticket that was given up is a slot to hand on",
                "LaneState",
                "val seat = seatOf(ticket) ?: return\n",
                "val seat = seatOf(ticket) ?: return givenBack(Held(lane, session!!, slot, ticket, null))\n",
                "fault.HandOverTest",
                "a notice that comes after its ticket was given up is no slot to hand on",
            ),
            kotlin(
                "The database is not told of a hand-over",
                "LaneState",
                "            unsent += Settle.handOver(resource, seat.ticket)\n",
                "",
                "fault.HandOverTest",
                "a slot goes on while the database is away",
            ),
            kotlin(
                "Hand-overs of one slot are told one by one, in one call",
                "Lane",
                "        Settle.join(settles)\n",
                "",
                "fault.HandOverTest",
                "a slot goes on while the database is away",
            ),
            kotlin(
                "An order to give a slot back means nobody to whom it was handed over since",
                "Session",
                "it in rootToken..token",
                "it == token",
                "fault.HandOverTest",
                "an order to give a slot back means whoever has it since",
            ),
            kotlin(
                "A slot that is to be given back is handed over",
                "LaneState",
                " && !resource.isOwed && !owner.wantsBack(resource)",
                "",
                "fault.HandOverTest",
                "an order to give a slot back means whoever has it since",
            ),
            kotlin(
                "A slot that the pool has no more is handed over",
                "LaneState",
                "resource.index < lane.capacity && ",
                "",
                "fault.HandOverTest",
                "a slot that the pool has no more is given back",
            ),
            kotlin(
                "Who gives up while its call is in flight stays in the queue",
                "LaneState",
                "        if (!seat.isWanted) {\n            waiting.remove(ticket)",
                "        if (false) {\n            waiting.remove(ticket)",
                "fault.HandOverTest",
                "who gives up while the call that asks for a slot is in flight",
            ),
            kotlin(
                "Whoever was handed a slot that was not the session's any more keeps it",
                "LaneState",
                "if (it.isDisowned) disowned(it)",
                "if (false) disowned(it)",
                "fault.HandOverTest",
                "a slot that was not the session's any more is lost",
            ),
        )

    private val inLane =
        listOf(
            kotlin(
                "A slot is used again though it was given back while its request id was asked for again",
                "LaneState",
                "val told = unsent.firstOrNull { ticket in it } ?: return false",
                "val told = unsent.firstOrNull { false } ?: return false",
                "fault.RequestIdFaultTest",
                "its slot is given back: it gets another grant, not the same again",
            ),
            kotlin(
                "A place that was granted a slot while its request id was asked for again is taken for a place",
                "LaneState",
                "        held[ticket]?.let {\n            share(seat, it.group)",
                "        held[-1L]?.let {\n            share(seat, it.group)",
                "fault.RequestIdFaultTest",
                "its place is granted a slot: both callers have it",
            ),
            kotlin(
                "A place that was left while its request id was asked for again is left all the same",
                "LaneState",
                "if (told.isCancel && told.slots == seat.request.slots) {",
                "if (false) {",
                "fault.RequestIdFaultTest",
                "its place is left: it keeps it",
            ),
            kotlin(
                "A caller whose dispatcher throws costs the session",
                "Pending",
                "        refused()\n",
                "        throw e\n",
                "fault.LaneTest",
                "a slot for a caller whose dispatcher throws goes to the next",
            ),
        )

    val all: List<Mutant> = inSql + inKotlin + inHandOver + inLane
}

package io.numpool.model

import io.kotest.matchers.shouldBe
import io.numpool.fault.Sql
import io.numpool.fault.refusal
import io.numpool.testkit.TestDatabase
import java.util.EnumSet
import java.util.UUID
import kotlin.random.Random

/** One pool, some sessions, and random calls on them: of the database and of the model. After each, both must be the same. */
internal class Agreement(
    database: TestDatabase,
    private val seed: Long,
) : AutoCloseable {
    private val random = Random(seed)
    private val sql = Sql(database)
    private val capacity = random.nextInt(1, 5)
    private val pool = sql.createPool("agreement $seed", capacity)
    private val firstTicket = sql.call("SELECT last_ticket FROM pool_state WHERE pool = ?", pool) as Long
    private val model = Tables(capacity, EnumSet.noneOf(Rule::class.java))

    /** Ids by the model's numbers, less 1. */
    private val sessions = mutableListOf<Long>()

    /** What each session has asked for. */
    private val asked = HashMap<Int, MutableList<Wish>>()
    private val trace = mutableListOf<String>()
    private var requests = NAMES

    /** The foreign bound that each session was told last. */
    private val bounds = HashMap<Int, Long>()

    /** How often what happened. */
    val kinds = HashMap<String, Int>()

    init {
        repeat(3) { open(0) }
    }

    fun step() {
        try {
            when (random.nextInt(100)) {
                in 0..77 -> exchange()
                in 78..79 -> open(if (random.nextBoolean()) 0 else anySession())
                in 80..83 -> raiseEpoch()
                in 84..86 -> declareDead()
                in 87..90 -> repair()
                in 91..94 -> resize()
                in 95..97 -> evict()
                else -> freeEvicted()
            }
            compare()
        } catch (e: Throwable) {
            throw AssertionError("seed $seed, after\n  ${trace.takeLast(SHOWN).joinToString("\n  ")}\n${e.message}", e)
        }
    }

    private fun open(predecessor: Int) {
        if (sessions.size >= MOST_SESSIONS) return
        note("open", "session ${sessions.size + 1}, after $predecessor")
        sessions += sql.openSession(predecessor = if (predecessor == 0) null else sessions[predecessor - 1])
        model.open(predecessor) shouldBe sessions.size
    }

    private fun raiseEpoch() {
        val session = anySession()
        val to = model.epoch(session) + random.nextInt(-1, 3)
        note("raise", "epoch of session $session to $to")
        if (!model.isAlive(session)) {
            refusal { sql.raiseEpoch(sessions[session - 1], to.toLong()) } shouldBe "NP001"
        } else {
            sql.raiseEpoch(sessions[session - 1], to.toLong()) shouldBe model.raiseEpoch(session, to).toLong()
        }
    }

    private fun declareDead() {
        val session = anySession()
        if ((1..sessions.size).count { model.isAlive(it) } < 2) return
        note("declare dead", "session $session")
        sql.endSession(sessions[session - 1])
        model.declareDead(session)
    }

    private fun repair() {
        val session = (1..sessions.size).filter { model.isToBeRepaired(it) }.randomOrNull(random) ?: return
        note("repair", "session $session")
        val repaired = sql.repair(sessions[session - 1], pool)
        val grants = model.repair(session)
        repaired.tickets.map(::shortened) shouldBe grants.map { it.ticket() }
        repaired.slots shouldBe grants.map { it.slot() }
        sql.forget(sessions[session - 1]) shouldBe true
    }

    private fun resize() {
        val to = random.nextInt(1, 6)
        note("resize", "to $to")
        val tickets = sql.resize(pool, to).map(::shortened)
        val waited = model.queue()
        val grants = model.resize(to).map { it.ticket() }
        tickets.toSet() shouldBe grants.toSet() + waited.filter { it.wish().slots() > to }.map { it.ticket() }
    }

    private fun evict() {
        val slot = random.nextInt(model.slots())
        note("evict", "slot $slot")
        sql.evict(pool, slot).map(::shortened) shouldBe model.leases().filter { it.slot() == slot }.map { it.ticket() }
        model.evict(slot)
    }

    private fun freeEvicted() {
        val slot = (0 until model.slots()).filter { model.isMarked(it) }.randomOrNull(random) ?: return
        note("free evicted", "slot $slot")
        val mark = sql.call("SELECT mark FROM evictions() WHERE pool_number = ? AND slot = ?", pool, slot)
        sql.rows("SELECT unnest(notify_ticket) FROM free_evicted(?, ?, ?)", pool, slot, mark) { shortened(it.getLong(1)) } shouldBe
            model.freeEvicted(slot).map { it.ticket() }
    }

    private fun exchange() {
        val call = randomCall()
        note("exchange", "$call")
        val id = sessions[call.session() - 1]
        val send = {
            sql.exchange(id, pool, call.epoch().toLong(), call.isRetry) {
                for (item in call.settled()) {
                    when (item.kind()) {
                        Item.Kind.RELEASE -> release(item.slot(), full(item.ticket()))
                        Item.Kind.HAND_OVER -> handOver(item.slot(), full(item.ticket()), full(item.next()))
                        Item.Kind.CANCEL -> cancel(full(item.ticket()), item.slots())
                    }
                }
                foreignFrom = bounds[call.session()] ?: 0
                call.wishes().forEach { acquire(uuid(it.request()), it.isAttempt, it.isNamed, it.slots()) }
            }
        }
        val before = model.copy()
        val expected = model.exchange(call)
        if (expected == null) {
            count("refused")
            refusal { send() } shouldBe if (before.isAlive(call.session())) "NP002" else "NP001"
            return
        }
        val answer = send()
        answer.settled shouldBe expected.settled().map { if (it) 1 else 0 }
        answer.acquired.map { Outcome(Outcome.Kind.values()[it.outcome], shortened(it.ticket), it.slot) } shouldBe expected.outcomes()
        answer.granted.map { (ticket, slot) -> shortened(ticket) to slot } shouldBe expected.mine().map { it.ticket() to it.slot() }
        answer.toOthers.map { (session, ticket) -> session to shortened(ticket) } shouldBe
            expected.others().map { sessions[it.session() - 1] to it.ticket() }
        answer.foreignBound shouldBe full(if (expected.foreign() == Tables.NONE) model.last() + 1 else expected.foreign())
        if (random.nextBoolean()) bounds[call.session()] = answer.foreignBound
        model.check()
        expected.outcomes().forEach { count(it.kind().name) }
        if (false in expected.settled()) count("stale")
        if (call.isRetry) count("retry")
        asked.getOrPut(call.session()) { mutableListOf() } += call.wishes()
    }

    private fun randomCall(): Call {
        val session = caller()
        val epoch = if (random.nextInt(20) == 0) random.nextInt(3) else model.epoch(session)
        val retry = random.nextInt(4) == 0
        val wishes = List(random.nextInt(4)) { wish(session, retry) }.distinctBy { it.request() }
        return Call(session, epoch, retry, settles(session), wishes)
    }

    /** What is there, what was there once, and what is somebody else's; each at most once. */
    private fun settles(session: Int): List<Item> {
        val items = mutableListOf<Item>()
        val touched = HashSet<Int>()
        repeat(random.nextInt(MOST_SETTLED)) {
            val own = model.leases().filter { it.session() == session || random.nextInt(8) == 0 }
            val places = model.queue().filter { it.session() == session || random.nextInt(8) == 0 }
            val item =
                when (random.nextInt(10)) {
                    8, 9 -> handOver(session)
                    in 0..3 -> own.randomOrNull(random)?.let { Item.release(it.slot(), it.ticket()) }
                    4, 5 -> places.randomOrNull(random)?.let { Item.cancel(it.ticket(), it.wish().slots()) }
                    6 -> own.randomOrNull(random)?.let { Item.cancel(it.ticket(), random.nextInt(1, 3)) }
                    else -> Item.release(random.nextInt(model.slots()), random.nextInt(1, model.last() + 2))
                } ?: return@repeat
            val tickets = (item.ticket() until item.ticket() + item.slots()) + listOf(item.next()).filter { it > 0 }
            if (tickets.none { it in touched }) {
                touched += tickets
                items += item
            }
        }
        return items
    }

    /** Mostly of one's own slot; to a place of one's own, or to a ticket of one's own that was granted another slot. */
    private fun handOver(session: Int): Item? {
        val from = model.leases().filter { it.session() == session || random.nextInt(8) == 0 }.randomOrNull(random) ?: return null
        val leases = model.leases().filter { it.session() == session }
        val granted = leases.filter { one -> leases.count { it.request() == one.request() } == 1 }.map { it.ticket() }
        val places = model.queue().filter { it.session() == session && it.wish().slots() == 1 }.map { it.ticket() }
        val next = (if (random.nextInt(4) == 0) granted else places).filter { it != from.ticket() }.randomOrNull(random) ?: return null
        val token = if (random.nextInt(12) == 0) random.nextInt(1, model.last() + 2) else from.ticket()
        count("hand-over")
        return Item.handOver(from.slot(), token, next)
    }

    private fun wish(
        session: Int,
        retry: Boolean,
    ): Wish {
        val earlier = asked[session]
        return when {
            retry && !earlier.isNullOrEmpty() && random.nextInt(3) > 0 -> earlier.random(random)
            random.nextInt(4) == 0 -> random.nextInt(1, NAMES).let { Wish(it, 1 + it % 3, false, true) }
            else -> Wish(requests++, if (random.nextInt(3) == 0) random.nextInt(1, 4) else 1, random.nextInt(5) == 0, false)
        }
    }

    private fun anySession() = random.nextInt(maxOf(1, sessions.size - RECENT), sessions.size + 1)

    /** Seldom a dead one. */
    private fun caller() = (1..sessions.size).filter { model.isAlive(it) }.takeIf { random.nextInt(12) > 0 }?.random(random) ?: anySession()

    private fun compare() = stored() shouldBe expected()

    private fun stored() =
        buildList {
            add(
                sql.row(
                    "SELECT p.capacity, s.usage::text, s.last_ticket, s.waiting, s.marks FROM pool p JOIN pool_state s ON s.pool = p.number WHERE p.number = ?",
                    pool,
                ) {
                    "capacity ${it.getInt(
                        1,
                    )} usage ${it.getString(2)} last ${shortened(it.getLong(3))} waiting ${it.getInt(4)} marks ${it.getInt(5)}"
                },
            )
            addAll(
                sql.rows("SELECT slot, token, session, request, named FROM lease WHERE pool = ? ORDER BY token", pool) {
                    "slot ${it.getInt(
                        1,
                    )} ticket ${shortened(
                        it.getLong(2),
                    )} session ${number(it.getLong(3))} request ${it.getString(4).request()} ${it.getBoolean(5)}"
                },
            )
            addAll(
                sql.rows("SELECT ticket, session, request, slots, named FROM waiter WHERE pool = ? ORDER BY ticket", pool) {
                    "place ${shortened(
                        it.getLong(1),
                    )} session ${number(it.getLong(2))} request ${it.getString(3).request()} slots ${it.getInt(4)} ${it.getBoolean(5)}"
                },
            )
            addAll(
                sql.rows("SELECT id, epoch, dead IS NOT NULL FROM session WHERE id = ANY (?) ORDER BY id", sessions.toTypedArray()) {
                    "session ${number(it.getLong(1))} epoch ${it.getLong(2)} dead ${it.getBoolean(3)}"
                },
            )
            addAll(sql.rows("SELECT slot FROM eviction WHERE pool = ? ORDER BY slot", pool) { "to be given back ${it.getInt(1)}" })
        }

    private fun expected() =
        buildList {
            val held = model.leases().map { it.slot() }
            val usage = (0 until model.slots()).joinToString("") { if (it in held) "1" else "0" }
            val marks = (0 until model.slots()).filter { model.isMarked(it) }
            add("capacity ${model.capacity()} usage $usage last ${model.last()} waiting ${model.queue().size} marks ${marks.size}")
            model.leases().forEach {
                add("slot ${it.slot()} ticket ${it.ticket()} session ${it.session()} request ${it.request()} ${it.isNamed}")
            }
            model.queue().forEach {
                add(
                    "place ${it.ticket()} session ${it.session()} request ${it.wish().request()} slots ${it.wish().slots()} ${it.wish().isNamed}",
                )
            }
            for (session in 1..sessions.size) {
                // a repaired one is forgotten
                if (model.isAlive(session) || model.isToBeRepaired(session)) {
                    add("session $session epoch ${model.epoch(session)} dead ${!model.isAlive(session)}")
                }
            }
            marks.forEach { add("to be given back $it") }
        }

    private fun note(
        kind: String,
        what: String,
    ) {
        count(kind)
        trace += "$kind: $what"
    }

    private fun count(kind: String) = kinds.merge(kind, 1, Int::plus)

    private fun shortened(ticket: Long) = if (ticket == 0L) 0 else (ticket - firstTicket).toInt()

    private fun full(ticket: Int) = firstTicket + ticket

    private fun number(session: Long) = sessions.indexOf(session) + 1

    private fun uuid(request: Int) = UUID(pool.toLong(), request.toLong())

    private fun String.request() = UUID.fromString(this).leastSignificantBits.toInt()

    override fun close() = sql.close()

    private companion object {
        const val MOST_SESSIONS = 12
        const val RECENT = 4
        const val SHOWN = 40

        /** More than are asked for, so that queues get short again. */
        const val MOST_SETTLED = 9

        /** Requests below it are names. */
        const val NAMES = 6
    }
}

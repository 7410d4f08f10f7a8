package io.numpool.internal.store;

import static io.numpool.internal.jooq.Tables.DOOMED_POOLS;
import static io.numpool.internal.jooq.Tables.EVICTIONS;
import static io.numpool.internal.jooq.Tables.INSPECT;
import static io.numpool.internal.jooq.Tables.LIST_POOLS;
import static io.numpool.internal.jooq.Tables.LIST_SESSIONS;
import static io.numpool.internal.jooq.Tables.POOL_STATUS;
import static io.numpool.internal.jooq.Tables.SURVEY;

import com.fasterxml.jackson.databind.JsonNode;
import io.numpool.Finding;
import io.numpool.Holder;
import io.numpool.Participant;
import io.numpool.PoolStatus;
import io.numpool.PoolSummary;
import io.numpool.SessionState;
import io.numpool.SessionStatus;
import io.numpool.Waiter;
import io.numpool.internal.jooq.Routines;
import io.numpool.internal.jooq.tables.records.ListSessionsRecord;
import io.numpool.internal.jooq.tables.records.PoolStatusRecord;
import io.numpool.internal.jooq.tables.records.SurveyRecord;
import io.numpool.internal.jooq.udt.records.ProcessRecord;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.function.Function;
import org.jooq.Configuration;
import org.jooq.SQLDialect;
import org.jooq.conf.MappedSchema;
import org.jooq.conf.RenderMapping;
import org.jooq.conf.Settings;
import org.jooq.exception.DataAccessException;
import org.jooq.impl.DefaultConfiguration;
import org.jooq.impl.DefaultConnectionProvider;

/** The functions of the pool line, one method each, on a connection in autocommit. Throws {@link StoreException}. */
public final class PoolStore {
    private final Configuration base;
    private final ExchangeStatement exchange;

    public PoolStore(String schema) {
        base = new DefaultConfiguration()
                .set(SQLDialect.POSTGRES)
                .set(new Settings()
                        .withExecuteLogging(false)
                        .withRenderMapping(new RenderMapping()
                                .withSchemata(
                                        new MappedSchema().withInput("numpool").withOutput(schema))));
        exchange = new ExchangeStatement(base.dsl(), schema);
    }

    public ExchangeAnswer exchange(Connection c, long session, long epoch, int pool, boolean retry, ExchangeCall call) {
        try {
            return exchange.call(c, session, epoch, pool, retry, call);
        } catch (SQLException e) {
            throw StoreException.of(e);
        }
    }

    public Polled poll(Connection c, long session, int pool) {
        return on(c, conf -> Polled.of(Routines.poll(conf, session, pool)));
    }

    public OpenedSession openSession(
            Connection c,
            String application,
            String host,
            long pid,
            int ttlMillis,
            int graceMillis,
            boolean pollOnly,
            Long predecessor) {
        return on(c, conf -> {
            var who = new ProcessRecord(application, host, pid);
            var opened = Routines.openSession(conf, who, ttlMillis, graceMillis, pollOnly, predecessor);
            return new OpenedSession(opened.getSessionId(), opened.getChannel());
        });
    }

    /** Which life of the server the session is attached to. */
    public UUID attach(Connection c, long session, long number) {
        return on(c, conf -> Routines.attach(conf, session, number));
    }

    public Renewed renew(Connection c, long session, List<Integer> pools) {
        return on(c, conf -> {
            var it = Routines.renew(conf, session, pools.toArray(new Integer[0]));
            Long[] tokens = it.getEvictedToken();
            List<Evicted> evicted = new ArrayList<>(tokens.length);
            for (int i = 0; i < tokens.length; i++)
                evicted.add(new Evicted(session, it.getEvictedPool()[i], it.getEvictedSlot()[i], tokens[i]));
            return new Renewed(List.of(it.getGone()), evicted, it.getIncarnation());
        });
    }

    public long raiseEpoch(Connection c, long session, long epoch) {
        return on(c, conf -> Routines.raiseEpoch(conf, session, epoch));
    }

    /** The pools to repair. */
    public List<Integer> endSession(Connection c, long session) {
        return on(c, conf -> List.of(Routines.endSession(conf, session)));
    }

    public List<Surveyed> survey(Connection c, long observer) {
        return on(c, conf -> conf.dsl().selectFrom(SURVEY.call(observer)).fetch(PoolStore::surveyed));
    }

    public List<Doomed> doomed(Connection c) {
        return on(c, conf -> conf.dsl()
                .selectFrom(DOOMED_POOLS.call())
                .fetch(row -> new Doomed(row.getPoolNumber(), row.getTtlMillis())));
    }

    public boolean declareDetachedDead(Connection c, long session, long seenAttach) {
        return on(c, conf -> Routines.declareDead(conf, session, true, seenAttach, null));
    }

    public boolean declareSilentDead(Connection c, long session, UUID seenBeat) {
        return on(c, conf -> Routines.declareDead(conf, session, false, null, seenBeat));
    }

    public Repaired repair(Connection c, long session, int pool) {
        return on(c, conf -> {
            var it = Routines.repair(conf, session, pool);
            return new Repaired(
                    it.getDone(),
                    it.getFreed(),
                    Notice.list(it.getNotifySession(), it.getNotifyTicket(), it.getNotifySlot()));
        });
    }

    public boolean forget(Connection c, long session) {
        return on(c, conf -> Routines.forget(conf, session));
    }

    public int unblock(Connection c, int idleMillis) {
        return on(c, conf -> Routines.unblock(conf, idleMillis));
    }

    public void announce(Connection c, List<Long> sessions, List<String> payloads) {
        on(c, conf -> {
            Routines.announce(conf, sessions.toArray(new Long[0]), payloads.toArray(new String[0]));
            return null;
        });
    }

    public PoolRow createPool(Connection c, Caller caller, String id, int capacity, JsonNode metadata) {
        return on(c, conf -> {
            var it = Routines.createPool(conf, id, capacity, metadata, caller.session(), caller.epoch());
            return new PoolRow(it.getPoolNumber(), it.getCapacity(), it.getMetadata(), it.getMetadataVersion(), false);
        });
    }

    public PoolRow findPool(Connection c, String id) {
        return on(c, conf -> {
            var it = Routines.findPool(conf, id);
            return new PoolRow(
                    it.getPoolNumber(), it.getCapacity(), it.getMetadata(), it.getMetadataVersion(), it.getDeleted());
        });
    }

    public int guardPool(Connection c, int guarded) {
        return on(c, conf -> Routines.guardPool(conf, guarded));
    }

    /** Whom to tell of a grant, or with slot -1 that they asked for more than there are. */
    public List<Notice> resize(Connection c, Caller caller, int pool, int capacity) {
        return on(c, conf -> {
            var it = Routines.resizePool(conf, pool, capacity, caller.session(), caller.epoch());
            return Notice.list(it.getNotifySession(), it.getNotifyTicket(), it.getNotifySlot());
        });
    }

    /** The sessions to tell. */
    public List<Long> delete(Connection c, Caller caller, int pool, boolean force) {
        return on(c, conf -> List.of(Routines.deletePool(conf, pool, force, caller.session(), caller.epoch())));
    }

    /** Removes a deleted pool, whatever of its slots is not back. */
    public void purge(Connection c, int pool) {
        on(c, conf -> List.of(Routines.deletePool(conf, pool, true, null, null)));
    }

    /** Whom to tell; none when nobody holds it. */
    public List<Evicted> evict(Connection c, Caller caller, int pool, int slot, String operator) {
        return on(c, conf -> {
            var it = Routines.evictSlot(conf, pool, slot, operator, caller.session(), caller.epoch());
            List<Evicted> evicted = new ArrayList<>();
            for (int i = 0; i < it.getNotifyToken().length; i++)
                evicted.add(new Evicted(it.getNotifySession()[i], pool, slot, it.getNotifyToken()[i]));
            return evicted;
        });
    }

    /** What it is to give back. */
    public List<Evicted> evictSession(Connection c, Caller caller, long session, String operator) {
        return on(c, conf -> {
            var it = Routines.evictSession(conf, session, operator, caller.session(), caller.epoch());
            List<Evicted> evicted = new ArrayList<>();
            for (int i = 0; i < it.getNotifyToken().length; i++)
                evicted.add(new Evicted(
                        it.getNotifySession()[i],
                        it.getNotifyPool()[i],
                        it.getNotifySlot()[i],
                        it.getNotifyToken()[i]));
            return evicted;
        });
    }

    public List<Mark> marks(Connection c) {
        return on(c, conf -> conf.dsl()
                .selectFrom(EVICTIONS.call())
                .fetch(row -> new Mark(row.getPoolNumber(), row.getSlot(), row.getMark(), row.getTtlMillis())));
    }

    /** {@code freed} is 0 when it was back already. */
    public Repaired freeEvicted(Connection c, Mark mark) {
        return on(c, conf -> {
            var it = Routines.freeEvicted(conf, mark.pool(), mark.slot(), mark.number());
            return new Repaired(
                    true,
                    it.getFreed() ? 1 : 0,
                    Notice.list(it.getNotifySession(), it.getNotifyTicket(), it.getNotifySlot()));
        });
    }

    public List<SessionStatus> sessions(Connection c) {
        return on(c, conf -> conf.dsl().selectFrom(LIST_SESSIONS.call()).fetch(PoolStore::session));
    }

    public List<Finding> inspect(Connection c) {
        return on(c, conf -> conf.dsl()
                .selectFrom(INSPECT.call())
                .fetch(row -> new Finding(row.getPromise(), row.getPoolId(), row.getFinding(), row.getAdvice())));
    }

    public Metadata setMetadata(Connection c, Caller caller, int pool, long expectedVersion, JsonNode value) {
        return on(c, conf -> {
            var it = Routines.setMetadata(conf, pool, expectedVersion, value, caller.session(), caller.epoch());
            return new Metadata(it.getChanged(), it.getMetadata(), it.getMetadataVersion());
        });
    }

    /** In the transaction that the connection is in. */
    public void fence(Connection c, String pool, int slot, long token) {
        on(c, conf -> {
            Routines.fence(conf, pool, slot, token);
            return null;
        });
    }

    public List<PoolSummary> list(Connection c, String prefix) {
        return on(c, conf -> conf.dsl()
                .selectFrom(LIST_POOLS.call(prefix))
                .fetch(row -> new PoolSummary(row.getPoolId(), row.getCapacity(), row.getHeld(), row.getQueued())));
    }

    /** Null when the pool is gone. */
    public PoolStatus status(Connection c, int pool) {
        return on(
                c, conf -> status(conf.dsl().selectFrom(POOL_STATUS.call(pool)).fetch()));
    }

    private static PoolStatus status(List<PoolStatusRecord> rows) {
        if (rows.isEmpty() || rows.get(0).getKind() != 0) return null;
        List<Holder> holders = new ArrayList<>();
        List<Waiter> queue = new ArrayList<>();
        for (PoolStatusRecord row : rows.subList(1, rows.size())) {
            var process = row.getWho();
            var who =
                    new Participant(row.getSessionId(), process.getApplication(), process.getHost(), process.getPid());
            if (row.getKind() == 1)
                holders.add(new Holder(row.getSlot(), row.getTicket(), row.getLabel(), row.getSince(), who));
            else queue.add(new Waiter(row.getTicket(), row.getSlots(), row.getLabel(), row.getSince(), who));
        }
        return new PoolStatus(rows.get(0).getLabel(), rows.get(0).getCapacity(), holders, queue);
    }

    private static Surveyed surveyed(SurveyRecord row) {
        return new Surveyed(
                row.getSessionId(),
                "attached".equals(row.getMode()),
                row.getAttachNumber(),
                row.getBeat(),
                row.getDetached(),
                row.getDead(),
                row.getOverdue(),
                row.getTtlMillis(),
                row.getGraceMillis(),
                List.of(row.getPools()),
                row.getIncarnation());
    }

    private static SessionStatus session(ListSessionsRecord row) {
        var process = row.getWho();
        return new SessionStatus(
                new Participant(row.getSessionId(), process.getApplication(), process.getHost(), process.getPid()),
                row.getDead() != null
                        ? SessionState.DEAD
                        : switch (row.getMode()) {
                            case "attached" ->
                                row.getDetachedSince() == null ? SessionState.ATTACHED : SessionState.DETACHED;
                            case "poll" -> SessionState.POLL_ONLY;
                            default -> SessionState.NEVER_ATTACHED;
                        },
                Duration.ofMillis(row.getTtlMillis()),
                Duration.ofMillis(row.getGraceMillis()),
                row.getOpened(),
                row.getRenewed(),
                row.getHeld(),
                row.getQueued());
    }

    private <T> T on(Connection connection, Function<Configuration, T> call) {
        try {
            return call.apply(base.derive(new DefaultConnectionProvider(connection)));
        } catch (DataAccessException e) {
            SQLException cause = e.getCause(SQLException.class);
            if (cause == null) throw e;
            throw StoreException.of(cause);
        }
    }
}

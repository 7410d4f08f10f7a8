-- The pool line, version 1. README.md of this module documents the protocol.
--
-- The script works in whichever schema comes first in the search path, and in one transaction or statement by statement:
--   Flyway: defaultSchema;  Liquibase: defaultSchemaName;  psql: SET search_path = my_schema
--
-- Rows that change often change their key (pool_state.generation; leases and places are inserted and deleted), so that no look-up
-- walks over dead versions while an old transaction keeps vacuum from removing them. Nor does the planner: analyzed between two calls, a table
-- with millions of dead rows passes for empty, and any plan for as good as any other. So the functions that touch these tables have no
-- sequential scans; where several rows are looked up by key, LIMIT or OFFSET in a LATERAL keep the join in its order, and rows are deleted by ctid.

CREATE TABLE pool_version (
  version integer NOT NULL,
  applied timestamptz NOT NULL DEFAULT clock_timestamp(),
  CONSTRAINT pool_version_pk PRIMARY KEY (version)
);

CREATE TABLE pool (
  number integer GENERATED ALWAYS AS IDENTITY,
  id text,
  guards integer,
  capacity integer NOT NULL,
  metadata jsonb,
  metadata_version bigint NOT NULL DEFAULT 0,
  created timestamptz NOT NULL DEFAULT clock_timestamp(),
  deleted timestamptz,
  CONSTRAINT pool_pk PRIMARY KEY (number),
  CONSTRAINT pool_id_key UNIQUE (id),
  CONSTRAINT pool_guards_key UNIQUE (guards),
  CONSTRAINT pool_id_check CHECK (char_length(id) BETWEEN 1 AND 100),
  CONSTRAINT pool_capacity_check CHECK (capacity BETWEEN 1 AND 8192),
  -- a pool has a name, or is the one-slot lock of another
  CONSTRAINT pool_name_check CHECK ((id IS NULL) <> (guards IS NULL)),
  CONSTRAINT pool_guard_check CHECK (guards IS NULL OR capacity = 1)
);
COMMENT ON TABLE pool IS 'A pool of numbered slots. number is never used again; guards: this is the lock (withLock) of that pool.';

CREATE TABLE pool_state (
  pool integer NOT NULL,
  generation bigint NOT NULL,
  usage bit varying NOT NULL,
  last_ticket bigint NOT NULL,
  low_ticket bigint NOT NULL,
  waiting integer NOT NULL,
  marks integer NOT NULL DEFAULT 0,
  incarnation uuid,
  CONSTRAINT pool_state_pk PRIMARY KEY (pool, generation),
  CONSTRAINT pool_state_waiting_check CHECK (waiting >= 0)
) WITH (vacuum_truncate = off, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000, autovacuum_analyze_scale_factor = 1);
COMMENT ON TABLE pool_state IS 'What changes with every call, one row a pool. Read newest generation first, under the lock of the pool. Bit i of usage: slot i is held. No place in the queue is below low_ticket. marks: evictions of this pool. incarnation: of the server that gave the last tickets.';

CREATE TABLE lease (
  pool integer NOT NULL,
  slot integer NOT NULL,
  token bigint NOT NULL,
  session bigint NOT NULL,
  request uuid NOT NULL,
  named boolean NOT NULL,
  label text,
  since timestamptz NOT NULL,
  CONSTRAINT lease_pk PRIMARY KEY (pool, slot, token)
) WITH (vacuum_truncate = off, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000, autovacuum_analyze_scale_factor = 1);
CREATE INDEX lease_request ON lease (request) WHERE named;
COMMENT ON TABLE lease IS 'A held slot. Look it up for set bits of pool_state.usage only, newest token first.';

CREATE TABLE waiter (
  pool integer NOT NULL,
  ticket bigint NOT NULL,
  session bigint NOT NULL,
  slots integer NOT NULL DEFAULT 1,
  request uuid NOT NULL,
  named boolean NOT NULL,
  label text,
  since timestamptz NOT NULL,
  CONSTRAINT waiter_pk PRIMARY KEY (pool, ticket)
) WITH (vacuum_truncate = off, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000, autovacuum_analyze_scale_factor = 1);
CREATE INDEX waiter_request ON waiter (request) WHERE named;
CREATE INDEX waiter_group ON waiter (pool, ticket) WHERE slots > 1;
COMMENT ON TABLE waiter IS 'A place in the queue of a pool: the lowest ticket is first. Scan from pool_state.low_ticket. For n slots it stands for the n tickets from ticket on.';

CREATE TYPE process AS (
  application text,
  host text,
  pid bigint
);

CREATE TABLE session (
  id bigint GENERATED ALWAYS AS IDENTITY,
  channel text NOT NULL DEFAULT 'numpool_' || replace(gen_random_uuid()::text, '-', ''),
  who process NOT NULL,
  ttl_millis integer NOT NULL,
  grace_millis integer NOT NULL,
  mode text NOT NULL DEFAULT 'new',
  epoch bigint NOT NULL DEFAULT 0,
  attach_number bigint NOT NULL DEFAULT 0,
  incarnation uuid,
  detached_since timestamptz,
  opened timestamptz NOT NULL DEFAULT clock_timestamp(),
  dead timestamptz,
  CONSTRAINT session_pk PRIMARY KEY (id),
  CONSTRAINT session_mode_check CHECK (mode IN ('new', 'attached', 'poll')),
  CONSTRAINT session_ttl_check CHECK (ttl_millis >= 3 * grace_millis),
  CONSTRAINT session_grace_check CHECK (grace_millis >= 300)
);
COMMENT ON TABLE session IS 'A live process. Everything it holds or waits for is found by its id, and is freed when it is dead. channel: that it listens on. incarnation: of the server, when it last attached.';

CREATE TABLE session_beat (
  session bigint NOT NULL,
  beat uuid NOT NULL,
  renewed timestamptz NOT NULL,
  CONSTRAINT session_beat_pk PRIMARY KEY (session)
) WITH (fillfactor = 50);
COMMENT ON TABLE session_beat IS 'A new random value at each renewal: apart from session, because exchange reads session and must not walk over dead versions.';

CREATE TABLE session_pool (
  session bigint NOT NULL,
  pool integer NOT NULL,
  CONSTRAINT session_pool_pk PRIMARY KEY (session, pool)
);
CREATE INDEX session_pool_pool ON session_pool (pool);
COMMENT ON TABLE session_pool IS 'The pools that a session has touched: where to look when it is dead.';

CREATE TABLE ticket_floor (
  only_row boolean NOT NULL DEFAULT true,
  ticket bigint NOT NULL,
  CONSTRAINT ticket_floor_pk PRIMARY KEY (only_row),
  CONSTRAINT ticket_floor_check CHECK (only_row)
);
INSERT INTO ticket_floor (ticket) VALUES (0);
COMMENT ON TABLE ticket_floor IS 'The highest ticket of any deleted pool: a pool made again under an old name never repeats a token.';

CREATE TABLE fence (
  pool text NOT NULL,
  slot integer NOT NULL,
  token bigint NOT NULL,
  CONSTRAINT fence_pk PRIMARY KEY (pool, slot)
) WITH (fillfactor = 50);
COMMENT ON TABLE fence IS 'The highest token under which work of a slot was fenced. By the name of the pool, whose tokens only grow, also when it is deleted and made again.';

CREATE TABLE eviction (
  pool integer NOT NULL,
  slot integer NOT NULL,
  number bigint GENERATED ALWAYS AS IDENTITY,
  since timestamptz NOT NULL DEFAULT clock_timestamp(),
  who text,
  CONSTRAINT eviction_pk PRIMARY KEY (pool, slot)
);
COMMENT ON TABLE eviction IS 'A held slot that its holder is to give back, from the order to the moment at which the slot is free, whoever frees it.';

-- A crash empties it, and so does the promotion of a standby; any other end of the server shows in started.
CREATE UNLOGGED TABLE incarnation (
  only_row boolean NOT NULL DEFAULT true,
  value uuid NOT NULL,
  started timestamptz NOT NULL,
  CONSTRAINT incarnation_pk PRIMARY KEY (only_row),
  CONSTRAINT incarnation_check CHECK (only_row)
);
INSERT INTO incarnation (value, started) VALUES (gen_random_uuid(), pg_postmaster_start_time());
COMMENT ON TABLE incarnation IS 'A random value for as long as this server runs, without a crash, as the primary. Whoever finds none writes one.';

-- Advisory locks, of the two-integer kind: the class is the oid of a table of this schema, so two schemas never meet.
--   alive:  session       shared by the listener connection for as long as it lives; exclusive to probe
--   busy:   session_beat  shared by a call of the session; exclusive by who declares it dead or raises its epoch
--   pool:   pool          exclusive by whatever changes a pool
--   reaper: session_pool  exclusive try-lock, single flight of a repair
-- Lock order everywhere: alive, busy, pool (ascending), rows.
--
-- SQLSTATEs: NP001 session dead, NP002 old epoch, NP003 no such pool, NP004 pool deleted, NP005 not in autocommit at READ COMMITTED,
-- NP006 outdated attach, NP007 damaged pool, NP008 outdated token, NP009 no such session, 22023 bad argument, 55P03 lock not to be had in time (nothing was done).

-- Whoever waits for a lock reads afterwards what is then; under REPEATABLE READ it would be what was before it waited.
CREATE FUNCTION require_read_committed() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  IF current_setting('transaction_isolation') <> 'read committed' THEN
    RAISE EXCEPTION 'numpool needs READ COMMITTED, not %', current_setting('transaction_isolation') USING ERRCODE = 'NP005';
  END IF;
END $$;

-- What a session was told must be on disk, whatever the default of the database is.
CREATE FUNCTION commit_durably() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  IF current_setting('synchronous_commit') = 'off' THEN
    PERFORM set_config('synchronous_commit', 'on', true);
  END IF;
END $$;

-- A standby has no unlogged tables to read, and says so in a way that sounds final; but it may be promoted in a moment.
CREATE FUNCTION require_primary() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  IF pg_is_in_recovery() THEN
    RAISE EXCEPTION 'this server is a standby' USING ERRCODE = 'read_only_sql_transaction';
  END IF;
END $$;

-- Which life of the server this is. Its alive locks are gone with the earlier one, and so may commits be that were not waited for.
-- Called when every lock is taken: it may wait for another who writes a new value. And before a number is taken: a standby that is promoted,
-- or a backup that is restored, may lack the last sessions and pools, and would give their numbers again, to others; so each life goes on from
-- far behind them.
CREATE FUNCTION current_incarnation() RETURNS uuid LANGUAGE plpgsql AS $$
DECLARE
  found_value uuid;
BEGIN
  PERFORM require_primary();
  LOOP
    SELECT i.value INTO found_value FROM incarnation i WHERE i.started = pg_postmaster_start_time();
    IF FOUND THEN
      RETURN found_value;
    END IF;
    INSERT INTO incarnation AS i (value, started) VALUES (gen_random_uuid(), pg_postmaster_start_time())
    ON CONFLICT ON CONSTRAINT incarnation_pk DO UPDATE SET value = excluded.value, started = excluded.started
    WHERE i.started <> excluded.started;
    IF FOUND THEN
      PERFORM setval('session_id_seq', nextval('session_id_seq') + 100000), setval('pool_number_seq', nextval('pool_number_seq') + 10000),
              setval('eviction_number_seq', nextval('eviction_number_seq') + 100000);
    END IF;
  END LOOP;
END $$;

-- For a session's call, as exchange does it: it is alive, of this epoch, and is not declared dead before the call ends. Null is an
-- operator's call, which no session stands behind.
CREATE FUNCTION check_caller(session_id bigint, session_epoch bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  caller record;
BEGIN
  IF session_id IS NULL THEN
    RETURN;
  END IF;
  PERFORM pg_advisory_xact_lock_shared('session_beat'::regclass::oid::integer, (session_id & 2147483647)::integer);
  SELECT s.epoch, s.dead INTO caller FROM session s WHERE s.id = session_id;
  IF NOT FOUND OR caller.dead IS NOT NULL THEN
    RAISE EXCEPTION 'session % is dead', session_id USING ERRCODE = 'NP001';
  END IF;
  IF caller.epoch IS DISTINCT FROM session_epoch THEN
    RAISE EXCEPTION 'epoch % is not that of session %: it is %', session_epoch, session_id, caller.epoch USING ERRCODE = 'NP002';
  END IF;
END $$;

-- Grants free slots below capacity to the head of the queue, lowest slot to lowest ticket. The caller holds the lock of the pool.
-- Who asked for several gets them together; nobody behind goes first meanwhile. Who asks for more than there are is dropped, and finds out.
CREATE FUNCTION grant_waiting(
  pool_number integer, capacity integer,
  INOUT usage bit varying, INOUT low_ticket bigint, INOUT waiting integer,
  OUT sessions bigint[], OUT tickets bigint[], OUT slots integer[]
) LANGUAGE plpgsql
SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off
SET jit = off SET plan_cache_mode = force_generic_plan
AS $$
DECLARE
  head record;
  many record;
  free integer;
  slot integer;
  seen integer;
  requests uuid[] := '{}';
  nameds boolean[] := '{}';
  labels text[] := '{}';
BEGIN
  sessions := '{}'; tickets := '{}'; slots := '{}';
  free := bit_count(~substring(usage FOR capacity));
  IF waiting > 0 AND free > 0 THEN
    SELECT w.ticket, w.slots INTO many FROM waiter w
    WHERE w.pool = pool_number AND w.slots > 1 AND w.ticket >= low_ticket ORDER BY w.ticket LIMIT 1;
  END IF;
  WHILE waiting > 0 AND free > 0 LOOP
    seen := 0;
    -- those of one slot, up to the first of several
    FOR head IN
      WITH gone AS (
        DELETE FROM waiter w WHERE w.ctid = ANY (ARRAY(
          SELECT h.ctid FROM waiter h
          WHERE h.pool = pool_number AND h.ticket >= low_ticket AND h.ticket < coalesce(many.ticket, 9223372036854775807)
          ORDER BY h.ticket LIMIT free))
        RETURNING w.ticket, w.session, w.request, w.named, w.label
      )
      SELECT g.*, s.id IS NOT NULL AND s.dead IS NULL AS alive FROM gone g LEFT JOIN session s ON s.id = g.session ORDER BY g.ticket
    LOOP
      seen := seen + 1;
      low_ticket := head.ticket + 1;
      CONTINUE WHEN NOT head.alive;
      slot := position(B'0' IN usage) - 1;
      usage := set_bit(usage, slot, 1);
      free := free - 1;
      sessions := sessions || head.session; tickets := tickets || head.ticket; slots := slots || slot;
      requests := requests || head.request; nameds := nameds || head.named; labels := labels || head.label;
    END LOOP;
    IF seen = 0 THEN
      IF many.ticket IS NULL THEN
        RAISE EXCEPTION 'pool % counts % places that are not there', pool_number, waiting USING ERRCODE = 'NP007';
      END IF;
      SELECT w.session, w.request, w.named, w.label, s.id IS NOT NULL AND s.dead IS NULL AND many.slots <= capacity AS served INTO STRICT head
      FROM waiter w LEFT JOIN session s ON s.id = w.session WHERE w.pool = pool_number AND w.ticket = many.ticket;
      EXIT WHEN head.served AND many.slots > free;
      DELETE FROM waiter w WHERE w.pool = pool_number AND w.ticket = many.ticket;
      seen := 1;
      low_ticket := many.ticket + many.slots;
      IF head.served THEN
        FOR nth IN 0 .. many.slots - 1 LOOP
          slot := position(B'0' IN usage) - 1;
          usage := set_bit(usage, slot, 1);
          sessions := sessions || head.session; tickets := tickets || many.ticket + nth; slots := slots || slot;
          requests := requests || head.request; nameds := nameds || head.named; labels := labels || head.label;
        END LOOP;
        free := free - many.slots;
      END IF;
      SELECT w.ticket, w.slots INTO many FROM waiter w
      WHERE w.pool = pool_number AND w.slots > 1 AND w.ticket >= low_ticket ORDER BY w.ticket LIMIT 1;
    END IF;
    waiting := waiting - seen; -- heads of the queue that were dead leave slots for another round
  END LOOP;
  IF tickets <> '{}' THEN
    INSERT INTO lease (pool, slot, token, session, request, named, label, since)
    SELECT pool_number, u.slot, u.ticket, u.session, u.request, u.named, u.label, clock_timestamp()
    FROM unnest(slots, tickets, sessions, requests, nameds, labels) u(slot, ticket, session, request, named, label);
  END IF;
END $$;

-- Removes a deleted pool whose slots are all back. The caller holds the lock of the pool.
CREATE FUNCTION purge_pool(pool_number integer) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  highest bigint;
  name text;
BEGIN
  SELECT max(s.last_ticket) INTO highest FROM pool_state s WHERE s.pool = pool_number;
  UPDATE ticket_floor f SET ticket = highest WHERE f.ticket < highest;
  DELETE FROM lease l WHERE l.pool = pool_number;
  DELETE FROM waiter w WHERE w.pool = pool_number;
  DELETE FROM pool_state s WHERE s.pool = pool_number;
  DELETE FROM session_pool t WHERE t.pool = pool_number;
  DELETE FROM eviction e WHERE e.pool = pool_number;
  DELETE FROM pool p WHERE p.number = pool_number RETURNING p.id INTO name;
  -- Its lock, deleted with it, may still be held: then the name is not free yet.
  UPDATE pool g SET id = name, guards = NULL WHERE g.guards = pool_number;
END $$;

-- The hot call. settle_kind: 0 release (slot, token), 1 cancel (ticket; settle_slot is how many slots it asked for), 2 hand-over (slot, token;
-- settle_next is the caller's ticket, which has the slot now). A call names each slot and each ticket once: of a slot that was handed over
-- several times, or handed over and released, the token that the database knows and the last ticket, if there is one; those in between are
-- cancelled. settle_outcome: 1 done, 0 stale (nothing changed, save that the ticket of a hand-over waits no more).
-- foreign_from: null, or the caller's last foreign_bound, 0 at first. foreign_bound: no ticket of another session waits below it, ever.
-- acquire_mode: bit 0 set: try (served at once or not at all); bit 1 set: the user chose the request id. acquire_slots: how many, all
-- or none, null for one each; their tokens are acquire_ticket and those that follow it.
-- acquire_outcome: 0 waits, 1 granted, 2 not served, 3 the request id is another live session's, 4 the pool is deleted, 5 more than capacity,
-- 6 holds fewer slots than it asks for: some were taken back before it heard of them. It is to release the others, and to ask again.
-- acquire_slot: of the first; granted_… has the others'.
-- granted_…: grants to the caller's earlier places, too; in a retry: all its leases in this pool.
-- notify_…: grants to other sessions, which the caller announces after the commit.
CREATE FUNCTION exchange(
  session_id bigint, session_epoch bigint, pool_number integer, retry boolean,
  settle_kind smallint[], settle_slot integer[], settle_ticket bigint[],
  acquire_request uuid[], acquire_mode smallint[], acquire_label text[], acquire_slots integer[] DEFAULT NULL,
  settle_next bigint[] DEFAULT NULL, foreign_from bigint DEFAULT NULL,
  OUT settle_outcome smallint[],
  OUT acquire_outcome smallint[], OUT acquire_ticket bigint[], OUT acquire_slot integer[],
  OUT granted_ticket bigint[], OUT granted_slot integer[],
  OUT notify_session bigint[], OUT notify_ticket bigint[], OUT notify_slot integer[],
  OUT pool_capacity integer, OUT held integer, OUT queued integer, OUT incarnation uuid, OUT foreign_bound bigint
) LANGUAGE plpgsql
SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off
SET jit = off SET plan_cache_mode = force_generic_plan SET lock_timeout = '5s'
AS $$
<<call>>
DECLARE
  caller record;
  deleted boolean;
  before record;
  usage bit varying;
  last_ticket bigint;
  low_ticket bigint;
  waiting integer;
  marks integer;
  unmarked integer;
  grants record;
  known_request uuid[];
  known_ticket bigint[];
  known_slot integer[];
  known record;
  found_at integer;
  slot integer;
  asked integer;
  gone record;
  outcome smallint;
  outcome_ticket bigint;
  outcome_slot integer;
  fresh boolean[] := '{}';
  more_of integer[] := '{}';
  more_ticket bigint[] := '{}';
  more_slot integer[] := '{}';
  granted boolean := false;
  queues boolean := false;
  released boolean := false;
  left_queue boolean[];
  handed integer[] := '{}';
  handed_request uuid[] := '{}';
  handed_named boolean[] := '{}';
  handed_label text[] := '{}';
  leased bit varying;
  leased_token bigint[];
  leased_slot integer[];
  leased_session bigint[];
  missing integer[] := '{}';
  found_request uuid[];
  found_named boolean[];
  found_label text[];
  nth integer;
BEGIN
  IF current_setting('transaction_isolation') <> 'read committed' THEN
    RAISE EXCEPTION 'numpool needs READ COMMITTED, not %', current_setting('transaction_isolation') USING ERRCODE = 'NP005';
  END IF;
  IF pg_is_in_recovery() THEN
    PERFORM require_primary();
  END IF;
  IF cardinality(settle_kind) <> cardinality(settle_slot) OR cardinality(settle_kind) <> cardinality(settle_ticket)
     OR cardinality(acquire_request) <> cardinality(acquire_mode) OR cardinality(acquire_request) <> cardinality(acquire_label)
     OR cardinality(acquire_request) <> cardinality(acquire_slots) THEN
    RAISE EXCEPTION 'the arrays of settle and of acquire must be as long as each other' USING ERRCODE = '22023';
  END IF;
  IF NOT settle_kind <@ '{0,1,2}' OR (2 = ANY (settle_kind) AND cardinality(settle_next) IS DISTINCT FROM cardinality(settle_kind)) THEN
    RAISE EXCEPTION 'settle_kind %: each is 0 (release), 1 (cancel) or 2 (hand-over), which needs its settle_next', settle_kind USING ERRCODE = '22023';
  END IF;
  IF acquire_slots IS NOT NULL AND (1 <= ALL (acquire_slots)) IS NOT TRUE THEN
    RAISE EXCEPTION 'acquire_slots %: each is at least 1', acquire_slots USING ERRCODE = '22023';
  END IF;
  PERFORM pg_advisory_xact_lock_shared('session_beat'::regclass::oid::integer, (session_id & 2147483647)::integer);
  PERFORM pg_advisory_xact_lock('pool'::regclass::oid::integer, pool_number);

  -- From here on each statement's snapshot is younger than the locks.
  SELECT s.epoch, s.dead INTO caller FROM session s WHERE s.id = session_id;
  IF NOT FOUND OR caller.dead IS NOT NULL THEN
    RAISE EXCEPTION 'session % is dead', session_id USING ERRCODE = 'NP001';
  END IF;
  IF caller.epoch IS DISTINCT FROM session_epoch THEN
    RAISE EXCEPTION 'epoch % is not that of session %: it is %', session_epoch, session_id, caller.epoch USING ERRCODE = 'NP002';
  END IF;
  SELECT p.capacity, p.deleted IS NOT NULL INTO pool_capacity, deleted FROM pool p WHERE p.number = pool_number;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'no pool has the number %', pool_number USING ERRCODE = 'NP003';
  END IF;
  SELECT i.value INTO incarnation FROM incarnation i WHERE i.started = pg_postmaster_start_time();
  IF NOT FOUND THEN
    incarnation := current_incarnation();
  END IF;
  SELECT s.generation, s.usage, s.last_ticket, s.low_ticket, s.waiting, s.marks, s.incarnation INTO STRICT before
  FROM pool_state s WHERE s.pool = pool_number ORDER BY s.generation DESC LIMIT 1;
  usage := before.usage; last_ticket := before.last_ticket; low_ticket := before.low_ticket; waiting := before.waiting;
  marks := before.marks;
  IF before.incarnation <> incarnation AND cardinality(acquire_request) > 0 THEN
    -- The tickets that lost commits gave are not given again: by the clock they are long past, as a pool begins with it.
    last_ticket := greatest(last_ticket, (extract(epoch FROM clock_timestamp()) * 1000000)::bigint);
  END IF;

  -- Each concerns a slot and a ticket of its own, so their order changes nothing, and each table is asked once.
  settle_outcome := array_fill(0::smallint, ARRAY[cardinality(settle_kind)]);
  leased := usage;
  IF 0 = ANY (settle_kind) OR 2 = ANY (settle_kind) THEN
    FOR gone IN
      DELETE FROM lease l
      USING (
        SELECT x.ctid AS place, u.kind, u.nth
        FROM unnest(settle_kind, settle_slot, settle_ticket) WITH ORDINALITY AS u(kind, slot, ticket, nth)
        CROSS JOIN LATERAL (
          SELECT y.ctid FROM lease y
          WHERE y.pool = pool_number AND y.slot = u.slot AND y.token = u.ticket AND y.session = session_id LIMIT 1) x
        WHERE u.kind <> 1) given
      WHERE l.ctid = given.place
      RETURNING l.slot, given.kind, given.nth
    LOOP
      settle_outcome[gone.nth] := 1;
      -- Of a slot that is handed over all leases are dead, until the next is written: a look for its newest would walk over them.
      leased := set_bit(leased, gone.slot, 0);
      IF gone.kind = 0 THEN
        usage := set_bit(usage, gone.slot, 0);
        released := true;
      END IF;
    END LOOP;
  END IF;
  IF 1 = ANY (settle_kind) OR 2 = ANY (settle_kind) THEN
    left_queue := array_fill(false, ARRAY[cardinality(settle_kind)]);
    FOR gone IN
      DELETE FROM waiter w
      USING (
        SELECT x.ctid AS place, u.kind, u.nth
        FROM unnest(settle_kind, settle_ticket, settle_next) WITH ORDINALITY AS u(kind, ticket, next, nth)
        CROSS JOIN LATERAL (
          SELECT y.ctid FROM waiter y
          WHERE y.pool = pool_number AND y.ticket = CASE u.kind WHEN 1 THEN u.ticket ELSE u.next END AND y.session = session_id
            AND (u.kind = 1 OR y.slots = 1) LIMIT 1) x
        WHERE u.kind <> 0) given
      WHERE w.ctid = given.place
      RETURNING w.request, w.named, w.label, given.kind, given.nth
    LOOP
      waiting := waiting - 1;
      left_queue[gone.nth] := true;
      IF gone.kind = 1 THEN
        settle_outcome[gone.nth] := 1;
      ELSIF settle_outcome[gone.nth] = 1 THEN
        handed := handed || gone.nth::integer; handed_request := handed_request || gone.request;
        handed_named := handed_named || gone.named; handed_label := handed_label || gone.label;
      END IF;
    END LOOP;
    FOR i IN 1 .. cardinality(settle_kind) LOOP
      CONTINUE WHEN settle_kind[i] = 0 OR left_queue[i];
      IF settle_kind[i] = 2 AND settle_outcome[i] = 0 AND EXISTS (
        SELECT FROM lease l
        WHERE l.pool = pool_number AND l.slot = settle_slot[i] AND l.token = settle_next[i] AND l.session = session_id) THEN
        settle_outcome[i] := 1; -- it was, by the first call
        CONTINUE;
      END IF;
      missing := missing || i;
    END LOOP;
    IF missing <> '{}' THEN
      -- granted meanwhile
      SELECT coalesce(array_agg(x.token), '{}'), coalesce(array_agg(x.slot), '{}'), coalesce(array_agg(x.session), '{}')
      INTO leased_token, leased_slot, leased_session
      FROM generate_series(0, length(leased) - 1) b
      CROSS JOIN LATERAL (
        SELECT y.token, y.slot, y.session FROM lease y WHERE y.pool = pool_number AND y.slot = b ORDER BY y.token DESC LIMIT 1) x
      WHERE get_bit(leased, b) = 1;
      found_request := array_fill(NULL::uuid, ARRAY[cardinality(settle_kind)]);
      found_named := array_fill(NULL::boolean, ARRAY[cardinality(settle_kind)]);
      found_label := array_fill(NULL::text, ARRAY[cardinality(settle_kind)]);
      FOR gone IN
        DELETE FROM lease l
        USING (
          SELECT x.ctid AS place, m.nth
          FROM (
            SELECT n AS nth, CASE settle_kind[n] WHEN 1 THEN settle_ticket[n] ELSE settle_next[n] END AS first,
                   CASE settle_kind[n] WHEN 1 THEN greatest(1, settle_slot[n]) ELSE 1 END AS slots
            FROM unnest(missing) n OFFSET 0) m
          JOIN unnest(leased_token, leased_slot, leased_session) k(token, slot, session)
            ON k.session = session_id AND k.token >= m.first AND k.token < m.first + m.slots
          CROSS JOIN LATERAL (
            SELECT y.ctid FROM lease y WHERE y.pool = pool_number AND y.slot = k.slot AND y.token = k.token LIMIT 1) x) given
        WHERE l.ctid = given.place
        RETURNING l.slot, l.request, l.named, l.label, given.nth
      LOOP
        usage := set_bit(usage, gone.slot, 0);
        released := true;
        found_request[gone.nth] := gone.request; found_named[gone.nth] := gone.named; found_label[gone.nth] := gone.label;
        IF settle_kind[gone.nth] = 1 THEN
          settle_outcome[gone.nth] := 1;
        END IF;
      END LOOP;
      FOREACH nth IN ARRAY missing LOOP
        CONTINUE WHEN settle_kind[nth] = 1 OR settle_outcome[nth] = 0;
        IF found_request[nth] IS NULL AND (
          settle_next[nth] = ANY (leased_token)
          OR settle_next[nth] < (
            SELECT w.ticket + w.slots FROM waiter w
            WHERE w.pool = pool_number AND w.ticket BETWEEN call.low_ticket AND settle_next[nth] ORDER BY w.ticket DESC LIMIT 1))
        THEN
          RAISE EXCEPTION 'slot % is handed over to ticket %: it is not for one slot of session %', settle_slot[nth], settle_next[nth], session_id
            USING ERRCODE = '22023';
        END IF;
        -- One that is not known was lost with the server's last commits; its request is, too.
        last_ticket := greatest(last_ticket, settle_next[nth]);
        handed := handed || nth; handed_request := handed_request || coalesce(found_request[nth], gen_random_uuid());
        handed_named := handed_named || coalesce(found_named[nth], false); handed_label := handed_label || found_label[nth];
      END LOOP;
    END IF;
    IF handed <> '{}' THEN
      INSERT INTO lease (pool, slot, token, session, request, named, label, since)
      SELECT pool_number, settle_slot[u.nth], settle_next[u.nth], session_id, u.request, u.named, u.label, clock_timestamp()
      FROM unnest(handed, handed_request, handed_named, handed_label) u(nth, request, named, label);
    END IF;
    -- What is gone from the head of the queue is not walked over again.
    IF true = ANY (left_queue) THEN
      low_ticket := coalesce(
        CASE WHEN waiting > 0 THEN (
          SELECT w.ticket FROM waiter w WHERE w.pool = pool_number AND w.ticket >= call.low_ticket ORDER BY w.ticket LIMIT 1) END,
        last_ticket + 1);
    END IF;
  END IF;
  IF marks > 0 AND released THEN
    DELETE FROM eviction e WHERE e.pool = pool_number AND get_bit(usage, e.slot) = 0;
    GET DIAGNOSTICS unmarked = ROW_COUNT;
    marks := marks - unmarked;
  END IF;

  granted_ticket := '{}'; granted_slot := '{}'; notify_session := '{}'; notify_ticket := '{}'; notify_slot := '{}';
  slot := position(B'0' IN usage) - 1;
  IF waiting > 0 AND slot >= 0 AND slot < pool_capacity AND NOT deleted THEN
    SELECT * INTO grants FROM grant_waiting(pool_number, pool_capacity, usage, low_ticket, waiting);
    usage := grants.usage; low_ticket := grants.low_ticket; waiting := grants.waiting;
    FOR i IN 1 .. cardinality(grants.tickets) LOOP
      granted := true;
      IF grants.sessions[i] = session_id THEN
        granted_ticket := granted_ticket || grants.tickets[i]; granted_slot := granted_slot || grants.slots[i];
      ELSE
        notify_session := notify_session || grants.sessions[i];
        notify_ticket := notify_ticket || grants.tickets[i]; notify_slot := notify_slot || grants.slots[i];
      END IF;
    END LOOP;
  END IF;

  -- The caller's own acquires come after all that waits.
  IF foreign_from IS NOT NULL AND waiting > 0 THEN
    SELECT coalesce(min(p.ticket) FILTER (WHERE p.session <> session_id), CASE WHEN count(*) = 256 THEN max(p.ticket) + 1 END)
    INTO foreign_bound
    FROM (
      SELECT w.ticket, w.session FROM waiter w
      WHERE w.pool = pool_number AND w.ticket >= greatest(foreign_from, call.low_ticket) ORDER BY w.ticket LIMIT 256) p;
  END IF;

  IF retry THEN
    SELECT coalesce(array_agg(k.request ORDER BY k.ticket), '{}'), coalesce(array_agg(k.ticket ORDER BY k.ticket), '{}'),
           coalesce(array_agg(k.slot ORDER BY k.ticket), '{}')
    INTO known_request, known_ticket, known_slot
    FROM (
      SELECT l.request, l.token AS ticket, l.slot
      FROM generate_series(0, length(usage) - 1) b
      CROSS JOIN LATERAL (SELECT * FROM lease x WHERE x.pool = pool_number AND x.slot = b ORDER BY x.token DESC LIMIT 1) l
      WHERE get_bit(usage, b) = 1 AND l.session = session_id
      UNION ALL
      SELECT w.request, w.ticket, NULL
      FROM waiter w WHERE w.pool = pool_number AND w.ticket >= low_ticket AND w.session = session_id
    ) k;
    granted_ticket := '{}'; granted_slot := '{}';
    FOR i IN 1 .. cardinality(known_ticket) LOOP
      IF known_slot[i] IS NOT NULL THEN
        granted_ticket := granted_ticket || known_ticket[i]; granted_slot := granted_slot || known_slot[i];
      END IF;
    END LOOP;
  END IF;

  acquire_outcome := '{}'; acquire_ticket := '{}'; acquire_slot := '{}';
  IF cardinality(acquire_request) > 0 AND NOT deleted THEN
    INSERT INTO session_pool (session, pool)
    SELECT session_id, pool_number
    WHERE NOT EXISTS (SELECT 1 FROM session_pool t WHERE t.session = session_id AND t.pool = pool_number);
  END IF;
  -- Decide in order, then write all at once.
  FOR i IN 1 .. cardinality(acquire_request) LOOP
    outcome := NULL; outcome_ticket := NULL; outcome_slot := NULL; fresh[i] := false; asked := coalesce(acquire_slots[i], 1);
    IF retry THEN
      found_at := array_position(known_request, acquire_request[i]);
      IF found_at IS NOT NULL THEN
        outcome_ticket := known_ticket[found_at]; outcome_slot := known_slot[found_at];
        outcome := CASE WHEN outcome_slot IS NULL THEN 0
                        WHEN asked > 1 AND cardinality(array_positions(known_request, acquire_request[i])) < asked THEN 6 ELSE 1 END;
      END IF;
    END IF;
    IF outcome IS NULL AND deleted THEN
      outcome := 4;
    END IF;
    IF outcome IS NULL AND acquire_mode[i] & 2 <> 0 THEN
      found_at := array_position(acquire_request[1 : i - 1], acquire_request[i]);
      -- one that got nothing leaves the id free
      WHILE found_at IS NOT NULL AND (acquire_ticket[found_at] IS NULL OR acquire_mode[found_at] & 2 = 0) LOOP
        found_at := array_position(acquire_request[1 : i - 1], acquire_request[i], found_at + 1);
      END LOOP;
      IF found_at IS NOT NULL THEN
        outcome := acquire_outcome[found_at]; outcome_ticket := acquire_ticket[found_at]; outcome_slot := acquire_slot[found_at];
      END IF;
    END IF;
    IF outcome IS NULL AND acquire_mode[i] & 2 <> 0 THEN
      SELECT k.ticket, k.slot, k.session, count(*) OVER () AS parts INTO known
      FROM (
        -- pool + 0: not by the primary keys
        SELECT l.token AS ticket, l.slot, l.session FROM lease l
        WHERE l.pool + 0 = pool_number AND l.request = acquire_request[i] AND l.named
        UNION ALL
        SELECT w.ticket, NULL, w.session FROM waiter w
        WHERE w.pool + 0 = pool_number AND w.request = acquire_request[i] AND w.named
      ) k JOIN session s ON s.id = k.session AND s.dead IS NULL
      ORDER BY k.ticket LIMIT 1;
      IF FOUND THEN
        IF known.session <> session_id THEN
          outcome := 3;
        ELSE
          outcome_ticket := known.ticket; outcome_slot := known.slot;
          outcome := CASE WHEN outcome_slot IS NULL THEN 0 WHEN known.parts < asked THEN 6 ELSE 1 END;
        END IF;
      END IF;
    END IF;
    IF outcome IS NULL AND asked > pool_capacity THEN
      outcome := 5;
    END IF;
    IF outcome IS NULL THEN
      -- Grants came first: who waits still, waits for more slots than are free.
      slot := CASE WHEN waiting = 0 THEN position(B'0' IN usage) - 1 ELSE -1 END;
      IF slot >= 0 AND slot < pool_capacity
         AND (asked = 1 OR bit_count(~substring(usage FOR pool_capacity)) >= asked) THEN
        usage := set_bit(usage, slot, 1);
        granted := true; fresh[i] := true;
        outcome := 1; outcome_ticket := last_ticket + 1; outcome_slot := slot;
        FOR nth IN 2 .. asked LOOP
          slot := position(B'0' IN usage) - 1;
          usage := set_bit(usage, slot, 1);
          more_of := more_of || i; more_ticket := more_ticket || last_ticket + nth; more_slot := more_slot || slot;
        END LOOP;
        last_ticket := last_ticket + asked;
      ELSIF acquire_mode[i] & 1 <> 0 THEN
        outcome := 2;
      ELSE
        IF waiting = 0 THEN
          low_ticket := last_ticket + 1;
        END IF;
        waiting := waiting + 1;
        queues := true; fresh[i] := true;
        outcome := 0; outcome_ticket := last_ticket + 1;
        last_ticket := last_ticket + asked;
      END IF;
    END IF;
    acquire_outcome := acquire_outcome || outcome;
    acquire_ticket := acquire_ticket || outcome_ticket;
    acquire_slot := acquire_slot || outcome_slot;
  END LOOP;
  IF granted THEN
    INSERT INTO lease (pool, slot, token, session, request, named, label, since)
    SELECT pool_number, u.slot, u.ticket, session_id, u.request, u.mode & 2 <> 0, u.label, clock_timestamp()
    FROM unnest(acquire_request, acquire_mode, acquire_label, acquire_ticket, acquire_slot, fresh) u(request, mode, label, ticket, slot, fresh)
    WHERE u.fresh AND u.slot IS NOT NULL;
  END IF;
  IF more_of <> '{}' THEN
    INSERT INTO lease (pool, slot, token, session, request, named, label, since)
    SELECT pool_number, u.slot, u.ticket, session_id, acquire_request[u.i], acquire_mode[u.i] & 2 <> 0, acquire_label[u.i], clock_timestamp()
    FROM unnest(more_of, more_ticket, more_slot) u(i, ticket, slot);
    granted_ticket := granted_ticket || more_ticket; granted_slot := granted_slot || more_slot;
  END IF;
  IF queues THEN
    INSERT INTO waiter (pool, ticket, session, slots, request, named, label, since)
    SELECT pool_number, u.ticket, session_id, coalesce(u.slots, 1), u.request, u.mode & 2 <> 0, u.label, clock_timestamp()
    FROM unnest(acquire_request, acquire_mode, acquire_slots, acquire_label, acquire_ticket, acquire_slot, fresh)
      u(request, mode, slots, label, ticket, slot, fresh)
    WHERE u.fresh AND u.slot IS NULL;
  END IF;

  held := bit_count(usage); queued := waiting;
  IF foreign_from IS NOT NULL THEN
    foreign_bound := coalesce(foreign_bound, last_ticket + 1);
  END IF;
  IF deleted AND held = 0 THEN
    PERFORM purge_pool(pool_number);
  ELSIF released OR handed <> '{}' OR granted OR last_ticket <> before.last_ticket OR waiting <> before.waiting OR low_ticket <> before.low_ticket THEN
    UPDATE pool_state s
    SET generation = before.generation + 1, usage = call.usage, last_ticket = call.last_ticket, low_ticket = call.low_ticket,
        waiting = call.waiting, marks = call.marks,
        incarnation = CASE WHEN cardinality(acquire_request) > 0 THEN exchange.incarnation ELSE s.incarnation END
    WHERE s.pool = pool_number AND s.generation = before.generation;
  END IF;

  -- A release may be lost in a crash of the server: nobody was told that the slot is theirs. All else must be on disk.
  IF cardinality(acquire_request) = 0 AND NOT granted AND 0 = ALL (settle_kind) THEN
    PERFORM set_config('synchronous_commit', 'off', true);
  ELSIF current_setting('synchronous_commit') = 'off' THEN
    PERFORM set_config('synchronous_commit', 'on', true);
  END IF;
END $$;

-- What a session holds and where it waits in a pool, in one snapshot. A ticket in neither has failed. For lost notices.
-- waiting_place: how many wait up to and including that ticket.
CREATE FUNCTION poll(
  session_id bigint, pool_number integer,
  OUT held_ticket bigint[], OUT held_slot integer[], OUT waiting_ticket bigint[], OUT waiting_place integer[], OUT deleted boolean,
  OUT pool_capacity integer, OUT incarnation uuid
) LANGUAGE plpgsql
SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off
SET jit = off SET plan_cache_mode = force_generic_plan
AS $$
BEGIN
  WITH state AS (
    SELECT s.usage, s.low_ticket, p.capacity, p.deleted IS NOT NULL AS deleted
    FROM pool p
    CROSS JOIN LATERAL (SELECT * FROM pool_state x WHERE x.pool = p.number ORDER BY x.generation DESC LIMIT 1) s
    WHERE p.number = pool_number
  ), mine AS (
    SELECT l.token, l.slot
    FROM state CROSS JOIN LATERAL generate_series(0, length(state.usage) - 1) b
    CROSS JOIN LATERAL (SELECT * FROM lease x WHERE x.pool = pool_number AND x.slot = b ORDER BY x.token DESC LIMIT 1) l
    WHERE get_bit(state.usage, b) = 1 AND l.session = session_id
  ), queue AS MATERIALIZED (
    SELECT w.ticket, w.session, row_number() OVER (ORDER BY w.ticket)::integer AS place
    FROM waiter w WHERE w.pool = pool_number AND w.ticket >= (SELECT state.low_ticket FROM state)
  )
  SELECT (SELECT coalesce(array_agg(m.token ORDER BY m.token), '{}') FROM mine m),
         (SELECT coalesce(array_agg(m.slot ORDER BY m.token), '{}') FROM mine m),
         (SELECT coalesce(array_agg(q.ticket ORDER BY q.ticket), '{}') FROM queue q WHERE q.session = session_id),
         (SELECT coalesce(array_agg(q.place ORDER BY q.ticket), '{}') FROM queue q WHERE q.session = session_id),
         state.deleted, state.capacity
  INTO held_ticket, held_slot, waiting_ticket, waiting_place, deleted, pool_capacity
  FROM state;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'no pool has the number %', pool_number USING ERRCODE = 'NP003';
  END IF;
  incarnation := current_incarnation();
  -- Life is checked last: rows may have gone because the session died.
  PERFORM 1 FROM session s WHERE s.id = session_id AND s.dead IS NULL;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'session % is dead', session_id USING ERRCODE = 'NP001';
  END IF;
END $$;

-- Sessions

-- Not to be guessed: whoever may connect may notify, and a notice of a grant is believed.
CREATE FUNCTION channel_of(session_id bigint) RETURNS text LANGUAGE sql
AS $$ SELECT s.channel FROM session s WHERE s.id = session_id $$;

CREATE FUNCTION open_session(
  who process, ttl_millis integer, grace_millis integer, poll_only boolean, predecessor bigint,
  OUT session_id bigint, OUT channel text
) LANGUAGE plpgsql SET lock_timeout = '5s' AS $$
BEGIN
  IF ttl_millis IS NULL OR grace_millis IS NULL OR grace_millis < 300 OR ttl_millis < 3::bigint * grace_millis THEN
    RAISE EXCEPTION 'ttl % ms, grace % ms: the grace is at least 300 ms and the ttl three times as long', ttl_millis, grace_millis
      USING ERRCODE = '22023';
  END IF;
  PERFORM require_read_committed();
  PERFORM commit_durably();
  IF predecessor IS NOT NULL THEN
    PERFORM pg_advisory_xact_lock('session_beat'::regclass::oid::integer, (predecessor & 2147483647)::integer);
    UPDATE session s SET dead = clock_timestamp() WHERE s.id = predecessor AND s.dead IS NULL;
  END IF;
  PERFORM current_incarnation();
  INSERT INTO session (who, ttl_millis, grace_millis, mode)
  VALUES (who, ttl_millis, grace_millis, CASE WHEN poll_only THEN 'poll' ELSE 'new' END)
  RETURNING session.id INTO session_id;
  INSERT INTO session_beat (session, beat, renewed) VALUES (session_id, gen_random_uuid(), clock_timestamp());
  channel := channel_of(session_id);
END $$;

-- Called on the listener connection, which then holds the alive lock for as long as it lives. The grace runs from when it was sent, and a
-- server that has just come back has a busy disk: so it waits for a lock rather than to try again, and not for the disk at all. A crash that
-- undoes it ends the incarnation, and the attach with it, whether it was on disk or not.
CREATE FUNCTION attach(session_id bigint, attach_number bigint, OUT incarnation uuid) LANGUAGE plpgsql SET lock_timeout = '5s' AS $$
DECLARE
  earlier record;
BEGIN
  PERFORM require_read_committed();
  PERFORM set_config('synchronous_commit', 'off', true);
  PERFORM pg_advisory_lock_shared('session'::regclass::oid::integer, (session_id & 2147483647)::integer);
  PERFORM pg_advisory_xact_lock_shared('session_beat'::regclass::oid::integer, (session_id & 2147483647)::integer);
  SELECT s.dead, s.attach_number INTO earlier FROM session s WHERE s.id = session_id FOR UPDATE;
  IF NOT FOUND OR earlier.dead IS NOT NULL THEN
    RAISE EXCEPTION 'session % is dead', session_id USING ERRCODE = 'NP001';
  END IF;
  IF attach.attach_number <= earlier.attach_number THEN
    -- else this connection would go on to say alive, whatever becomes of the one that came later
    PERFORM pg_advisory_unlock_shared('session'::regclass::oid::integer, (session_id & 2147483647)::integer);
    RAISE EXCEPTION 'attach % of session % is late: % came before', attach.attach_number, session_id, earlier.attach_number
      USING ERRCODE = 'NP006';
  END IF;
  incarnation := current_incarnation();
  UPDATE session s
  SET mode = 'attached', attach_number = attach.attach_number, incarnation = attach.incarnation, detached_since = NULL
  WHERE s.id = session_id;
  BEGIN
    -- An earlier backend may be half open, and would hold the alive lock for a process that is gone.
    PERFORM pg_terminate_backend(l.pid) FROM pg_locks l
    WHERE l.locktype = 'advisory' AND l.classid = 'session'::regclass::oid AND l.objid = (session_id & 2147483647)::oid AND l.objsubid = 2
      AND l.database = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())
      AND l.mode = 'ShareLock' AND l.granted AND l.pid <> pg_backend_pid();
  EXCEPTION WHEN insufficient_privilege THEN
    NULL; -- the ttl judges then
  END;
END $$;

-- gone: those of the given pools that are deleted; what the session holds of them is lost. evicted_…: slots that it is to give back, by the
-- tokens under which it has them.
CREATE FUNCTION renew(
  session_id bigint, pools integer[],
  OUT gone integer[], OUT evicted_pool integer[], OUT evicted_slot integer[], OUT evicted_token bigint[], OUT incarnation uuid
) LANGUAGE plpgsql SET lock_timeout = '500ms' AS $$
BEGIN
  PERFORM require_read_committed();
  PERFORM pg_advisory_xact_lock_shared('session_beat'::regclass::oid::integer, (session_id & 2147483647)::integer);
  UPDATE session_beat b SET beat = gen_random_uuid(), renewed = clock_timestamp() WHERE b.session = session_id;
  PERFORM 1 FROM session s WHERE s.id = session_id AND s.dead IS NULL;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'session % is dead', session_id USING ERRCODE = 'NP001';
  END IF;
  SELECT coalesce(array_agg(n), '{}') INTO gone FROM unnest(pools) n
  WHERE NOT EXISTS (SELECT 1 FROM pool p WHERE p.number = n AND p.deleted IS NULL);
  SELECT coalesce(array_agg(e.pool), '{}'), coalesce(array_agg(e.slot), '{}'), coalesce(array_agg(l.token), '{}')
  INTO evicted_pool, evicted_slot, evicted_token
  FROM eviction e
  CROSS JOIN LATERAL (SELECT x.session, x.token FROM lease x WHERE x.pool = e.pool AND x.slot = e.slot ORDER BY x.token DESC LIMIT 1) l
  WHERE l.session = session_id;
  incarnation := current_incarnation();
END $$;

-- After it no call of an older epoch does anything: waits out what is in flight.
CREATE FUNCTION raise_epoch(session_id bigint, to_epoch bigint) RETURNS bigint LANGUAGE plpgsql SET lock_timeout = '2s' AS $$
DECLARE
  raised bigint;
BEGIN
  PERFORM require_read_committed();
  PERFORM pg_advisory_xact_lock('session_beat'::regclass::oid::integer, (session_id & 2147483647)::integer);
  UPDATE session s SET epoch = greatest(s.epoch, to_epoch) WHERE s.id = session_id AND s.dead IS NULL RETURNING s.epoch INTO raised;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'session % is dead', session_id USING ERRCODE = 'NP001';
  END IF;
  RETURN raised;
END $$;

-- A graceful end: declared dead by itself. Answers the pools to repair.
CREATE FUNCTION end_session(session_id bigint, OUT pools integer[]) LANGUAGE plpgsql SET lock_timeout = '5s' AS $$
BEGIN
  PERFORM require_read_committed();
  PERFORM pg_advisory_xact_lock('session_beat'::regclass::oid::integer, (session_id & 2147483647)::integer);
  UPDATE session s SET dead = clock_timestamp() WHERE s.id = session_id AND s.dead IS NULL;
  SELECT coalesce(array_agg(t.pool ORDER BY t.pool), '{}') INTO pools FROM session_pool t WHERE t.session = session_id;
END $$;

-- Death

-- What a reaper judges by, with its own clock, within one incarnation of the server. Probes the alive locks of others that attached to this
-- one, and notes since when one is free.
CREATE FUNCTION survey(observer bigint) RETURNS TABLE (
  session_id bigint, mode text, attach_number bigint, beat uuid, detached boolean, dead boolean, overdue boolean,
  ttl_millis integer, grace_millis integer, pools integer[], incarnation uuid
) LANGUAGE plpgsql SET lock_timeout = '1s' AS $$
DECLARE
  probed bigint;
BEGIN
  PERFORM require_read_committed();
  PERFORM set_config('synchronous_commit', 'off', true); -- an attach waits for the probe; and what is noted counts in this incarnation alone
  incarnation := current_incarnation();
  FOR probed IN
    SELECT s.id FROM session s
    WHERE s.mode = 'attached' AND s.incarnation = survey.incarnation AND s.detached_since IS NULL AND s.dead IS NULL
      AND s.id IS DISTINCT FROM observer
    ORDER BY s.id
  LOOP
    IF pg_try_advisory_xact_lock('session'::regclass::oid::integer, (probed & 2147483647)::integer) THEN
      UPDATE session s SET detached_since = clock_timestamp() WHERE s.id = probed AND s.detached_since IS NULL AND s.dead IS NULL;
    END IF;
  END LOOP;
  RETURN QUERY
    SELECT s.id, s.mode, s.attach_number, b.beat, s.detached_since IS NOT NULL AND s.incarnation IS NOT DISTINCT FROM survey.incarnation,
           s.dead IS NOT NULL,
           b.renewed < clock_timestamp() - s.ttl_millis * interval '10 milliseconds',
           s.ttl_millis, s.grace_millis,
           CASE WHEN s.dead IS NULL THEN '{}'::integer[]
                ELSE ARRAY(SELECT t.pool FROM session_pool t WHERE t.session = s.id ORDER BY t.pool) END,
           survey.incarnation
    FROM session s JOIN session_beat b ON b.session = s.id
    WHERE s.id IS DISTINCT FROM observer
    ORDER BY s.id;
END $$;

-- Deleted pools whose slots are not back yet; ttl_millis is the longest of the sessions that have asked them for slots.
CREATE FUNCTION doomed_pools() RETURNS TABLE (pool_number integer, ttl_millis integer) LANGUAGE plpgsql AS $$
BEGIN
  RETURN QUERY
    SELECT p.number, coalesce((SELECT max(s.ttl_millis) FROM session s JOIN session_pool t ON t.session = s.id WHERE t.pool = p.number), 0)
    FROM pool p WHERE p.deleted IS NOT NULL ORDER BY p.number;
END $$;

-- Declares a session dead when what the reaper judged by still holds: for detachment the attach number it saw (and the alive lock is
-- free), else the beat it saw. Takes the busy lock exclusively: no call of the session is in flight, and none does anything after.
CREATE FUNCTION declare_dead(session_id bigint, detachment boolean, seen_attach bigint, seen_beat uuid) RETURNS boolean
LANGUAGE plpgsql SET lock_timeout = '1s' AS $$
DECLARE
  it record;
BEGIN
  PERFORM require_read_committed();
  IF detachment AND NOT pg_try_advisory_xact_lock('session'::regclass::oid::integer, (session_id & 2147483647)::integer) THEN
    RETURN false;
  END IF;
  PERFORM pg_advisory_xact_lock('session_beat'::regclass::oid::integer, (session_id & 2147483647)::integer);
  SELECT s.dead, s.mode, s.attach_number, s.incarnation, s.detached_since, b.beat INTO it
  FROM session s JOIN session_beat b ON b.session = s.id WHERE s.id = session_id FOR UPDATE OF s;
  IF NOT FOUND OR it.dead IS NOT NULL THEN
    RETURN true;
  END IF;
  IF detachment AND (it.mode <> 'attached' OR it.incarnation IS DISTINCT FROM current_incarnation() OR it.detached_since IS NULL
                     OR it.attach_number <> seen_attach) THEN
    RETURN false;
  END IF;
  IF NOT detachment AND it.beat IS DISTINCT FROM seen_beat THEN
    RETURN false;
  END IF;
  UPDATE session s SET dead = clock_timestamp() WHERE s.id = session_id;
  RETURN true;
END $$;

-- Frees what a dead session has in one pool, and grants it on. done is false when another is at it.
CREATE FUNCTION repair(
  session_id bigint, pool_number integer,
  OUT done boolean, OUT freed integer, OUT notify_session bigint[], OUT notify_ticket bigint[], OUT notify_slot integer[]
) LANGUAGE plpgsql
SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off
SET jit = off SET plan_cache_mode = force_generic_plan SET lock_timeout = '5s'
AS $$
<<call>>
DECLARE
  before record;
  usage bit varying;
  low_ticket bigint;
  waiting integer;
  marks integer;
  gone integer;
  it record;
  lost record;
  grants record;
BEGIN
  PERFORM require_read_committed();
  PERFORM commit_durably();
  done := false; freed := 0; notify_session := '{}'; notify_ticket := '{}'; notify_slot := '{}';
  IF NOT pg_try_advisory_xact_lock('session_pool'::regclass::oid::integer, pool_number) THEN
    RETURN;
  END IF;
  PERFORM pg_advisory_xact_lock('pool'::regclass::oid::integer, pool_number);
  done := true;
  PERFORM 1 FROM session s WHERE s.id = session_id AND s.dead IS NULL;
  IF FOUND THEN
    RAISE EXCEPTION 'session % is alive', session_id USING ERRCODE = '22023';
  END IF;
  SELECT p.capacity, p.deleted IS NOT NULL AS deleted INTO it FROM pool p WHERE p.number = pool_number;
  IF FOUND THEN
    SELECT s.generation, s.usage, s.low_ticket, s.waiting, s.marks INTO STRICT before
    FROM pool_state s WHERE s.pool = pool_number ORDER BY s.generation DESC LIMIT 1;
    usage := before.usage; low_ticket := before.low_ticket; waiting := before.waiting; marks := before.marks;
    DELETE FROM waiter w WHERE w.pool = pool_number AND w.ticket >= low_ticket AND w.session = session_id;
    GET DIAGNOSTICS gone = ROW_COUNT;
    waiting := waiting - gone;
    FOR lost IN
      SELECT l.slot, l.token
      FROM generate_series(0, length(usage) - 1) b
      CROSS JOIN LATERAL (SELECT * FROM lease x WHERE x.pool = pool_number AND x.slot = b ORDER BY x.token DESC LIMIT 1) l
      WHERE get_bit(usage, b) = 1 AND l.session = session_id
    LOOP
      DELETE FROM lease l WHERE l.pool = pool_number AND l.slot = lost.slot AND l.token = lost.token;
      usage := set_bit(usage, lost.slot, 0);
      freed := freed + 1;
    END LOOP;
    IF marks > 0 AND freed > 0 THEN
      DELETE FROM eviction e WHERE e.pool = pool_number AND get_bit(usage, e.slot) = 0;
      GET DIAGNOSTICS gone = ROW_COUNT;
      marks := marks - gone;
    END IF;
    IF NOT it.deleted THEN
      SELECT * INTO grants FROM grant_waiting(pool_number, it.capacity, usage, low_ticket, waiting);
      usage := grants.usage; low_ticket := grants.low_ticket; waiting := grants.waiting;
      notify_session := grants.sessions; notify_ticket := grants.tickets; notify_slot := grants.slots;
    END IF;
    IF it.deleted AND bit_count(usage) = 0 THEN
      PERFORM purge_pool(pool_number);
    ELSIF (usage, low_ticket, waiting) IS DISTINCT FROM (before.usage, before.low_ticket, before.waiting) THEN
      UPDATE pool_state s
      SET generation = before.generation + 1, usage = call.usage, low_ticket = call.low_ticket, waiting = call.waiting, marks = call.marks
      WHERE s.pool = pool_number AND s.generation = before.generation;
    END IF;
  END IF;
  DELETE FROM session_pool t WHERE t.session = session_id AND t.pool = pool_number;
END $$;

-- Removes the rows of a dead session that is repaired everywhere. When it answers, they are gone, whoever removes them.
CREATE FUNCTION forget(session_id bigint) RETURNS boolean LANGUAGE plpgsql SET lock_timeout = '5s' AS $$
BEGIN
  PERFORM 1 FROM session s
  WHERE s.id = session_id AND s.dead IS NOT NULL AND NOT EXISTS (SELECT 1 FROM session_pool t WHERE t.session = s.id)
  FOR UPDATE;
  IF NOT FOUND THEN
    RETURN false;
  END IF;
  DELETE FROM session_beat b WHERE b.session = session_id;
  DELETE FROM session s WHERE s.id = session_id;
  RETURN true;
END $$;

-- Terminates backends that hold a busy or a pool lock while they have been waiting for their client: frozen in the middle of a call, or
-- a transaction that somebody left open around one. Answers how many.
CREATE FUNCTION unblock(idle_millis integer) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
  stuck integer;
  ended integer := 0;
BEGIN
  FOR stuck IN
    SELECT DISTINCT a.pid
    FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid
    WHERE l.locktype = 'advisory' AND l.granted AND l.database = a.datid AND a.datname = current_database() AND l.objsubid = 2
      AND l.classid IN ('session_beat'::regclass::oid, 'pool'::regclass::oid)
      AND a.wait_event = 'ClientRead' AND a.state_change < clock_timestamp() - idle_millis * interval '1 millisecond'
      AND a.pid <> pg_backend_pid()
  LOOP
    BEGIN
      IF pg_terminate_backend(stuck) THEN
        ended := ended + 1;
      END IF;
    EXCEPTION WHEN insufficient_privilege THEN
      RAISE WARNING 'backend % holds locks of numpool and may not be terminated by %', stuck, current_user;
    END;
  END LOOP;
  RETURN ended;
END $$;

-- Tells other sessions to look; a hint, after the commit of what it is about. The payload is for their listeners.
CREATE FUNCTION announce(sessions bigint[], payloads text[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  IF cardinality(sessions) <> cardinality(payloads) THEN
    RAISE EXCEPTION '% sessions, % payloads: one for each', cardinality(sessions), cardinality(payloads) USING ERRCODE = '22023';
  END IF;
  PERFORM set_config('synchronous_commit', 'off', true);
  FOR i IN 1 .. cardinality(sessions) LOOP
    PERFORM pg_notify(s.channel, payloads[i]) FROM session s WHERE s.id = sessions[i];
  END LOOP;
END $$;

-- Pools

CREATE FUNCTION first_ticket() RETURNS bigint LANGUAGE sql
AS $$ SELECT greatest((extract(epoch FROM clock_timestamp()) * 1000000)::bigint, (SELECT f.ticket + 1 FROM ticket_floor f)) $$;

-- Get or create. The capacity and metadata of a pool that exists already stay as they are.
CREATE FUNCTION create_pool(
  pool_id text, new_capacity integer, new_metadata jsonb, session_id bigint DEFAULT NULL, session_epoch bigint DEFAULT NULL,
  OUT pool_number integer, OUT capacity integer, OUT metadata jsonb, OUT metadata_version bigint, OUT created boolean
) LANGUAGE plpgsql SET lock_timeout = '5s' AS $$
DECLARE
  deleted boolean;
BEGIN
  PERFORM commit_durably();
  IF pool_id IS NULL OR char_length(pool_id) NOT BETWEEN 1 AND 100 OR new_capacity IS NULL OR new_capacity NOT BETWEEN 1 AND 8192 THEN
    RAISE EXCEPTION 'pool % of capacity %: an id has 1 to 100 characters, a capacity is 1 to 8192', pool_id, new_capacity USING ERRCODE = '22023';
  END IF;
  PERFORM require_read_committed();
  PERFORM check_caller(session_id, session_epoch);
  PERFORM current_incarnation();
  LOOP
    SELECT p.number, p.capacity, p.metadata, p.metadata_version, false, p.deleted IS NOT NULL
    INTO pool_number, capacity, metadata, metadata_version, created, deleted
    FROM pool p WHERE p.id = pool_id;
    IF FOUND THEN
      IF deleted THEN
        RAISE EXCEPTION 'pool % is deleted, and some of its slots are not back yet', pool_id USING ERRCODE = 'NP004';
      END IF;
      RETURN;
    END IF;
    INSERT INTO pool AS p (id, capacity, metadata) VALUES (pool_id, new_capacity, new_metadata)
    ON CONFLICT ON CONSTRAINT pool_id_key DO NOTHING
    RETURNING p.number, p.capacity, p.metadata, p.metadata_version, true INTO pool_number, capacity, metadata, metadata_version, created;
    IF FOUND THEN
      INSERT INTO pool_state (pool, generation, usage, last_ticket, low_ticket, waiting, incarnation)
      SELECT pool_number, 0, repeat('0', new_capacity)::bit varying, f.first - 1, f.first, 0, current_incarnation() FROM (SELECT first_ticket() AS first) f;
      RETURN;
    END IF;
  END LOOP;
END $$;

-- The one-slot pool that locks a pool as a whole; made when it is first asked for.
CREATE FUNCTION guard_pool(guarded integer) RETURNS integer LANGUAGE plpgsql SET lock_timeout = '5s' AS $$
DECLARE
  found_number integer;
BEGIN
  PERFORM require_read_committed();
  PERFORM commit_durably();
  LOOP
    SELECT g.number INTO found_number FROM pool g WHERE g.guards = guarded;
    IF FOUND THEN
      RETURN found_number;
    END IF;
    -- The lock of the guarded pool keeps it from being deleted meanwhile.
    PERFORM pg_advisory_xact_lock('pool'::regclass::oid::integer, guarded);
    PERFORM 1 FROM pool p WHERE p.number = guarded AND p.guards IS NULL AND p.deleted IS NULL;
    IF NOT FOUND THEN
      RAISE EXCEPTION 'no pool has the number %', guarded USING ERRCODE = 'NP003';
    END IF;
    PERFORM current_incarnation();
    INSERT INTO pool AS p (guards, capacity) VALUES (guarded, 1) ON CONFLICT ON CONSTRAINT pool_guards_key DO NOTHING
    RETURNING p.number INTO found_number;
    IF FOUND THEN
      INSERT INTO pool_state (pool, generation, usage, last_ticket, low_ticket, waiting, incarnation)
      SELECT found_number, 0, B'0', f.first - 1, f.first, 0, current_incarnation() FROM (SELECT first_ticket() AS first) f;
      RETURN found_number;
    END IF;
  END LOOP;
END $$;

-- deleted: it was deleted, and some of its slots are not back yet.
CREATE FUNCTION find_pool(
  pool_id text, OUT pool_number integer, OUT capacity integer, OUT metadata jsonb, OUT metadata_version bigint, OUT deleted boolean
) LANGUAGE plpgsql AS $$
BEGIN
  SELECT p.number, p.capacity, p.metadata, p.metadata_version, p.deleted IS NOT NULL
  INTO pool_number, capacity, metadata, metadata_version, deleted FROM pool p WHERE p.id = pool_id;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'there is no pool %', pool_id USING ERRCODE = 'NP003';
  END IF;
END $$;

-- Growing grants at once; after shrinking, slots at or above the capacity are not granted again, and who waits for more than there are is
-- dropped: told with slot -1.
CREATE FUNCTION resize_pool(
  resized integer, new_capacity integer, session_id bigint DEFAULT NULL, session_epoch bigint DEFAULT NULL,
  OUT notify_session bigint[], OUT notify_ticket bigint[], OUT notify_slot integer[]
) LANGUAGE plpgsql
SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off
SET jit = off SET lock_timeout = '5s'
AS $$
DECLARE
  before record;
  usage bit varying;
  waiting integer;
  grants record;
  dropped record;
BEGIN
  IF new_capacity IS NULL OR new_capacity NOT BETWEEN 1 AND 8192 THEN
    RAISE EXCEPTION 'capacity %: a capacity is 1 to 8192', new_capacity USING ERRCODE = '22023';
  END IF;
  PERFORM require_read_committed();
  PERFORM commit_durably();
  PERFORM check_caller(session_id, session_epoch);
  PERFORM pg_advisory_xact_lock('pool'::regclass::oid::integer, resized);
  UPDATE pool p SET capacity = new_capacity WHERE p.number = resized AND p.deleted IS NULL AND p.guards IS NULL;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'no pool has the number %', resized USING ERRCODE = 'NP003';
  END IF;
  SELECT s.generation, s.usage, s.low_ticket, s.waiting INTO STRICT before
  FROM pool_state s WHERE s.pool = resized ORDER BY s.generation DESC LIMIT 1;
  usage := before.usage || repeat('0', greatest(0, new_capacity - length(before.usage)))::bit varying;
  notify_session := '{}'; notify_ticket := '{}'; notify_slot := '{}';
  waiting := before.waiting;
  FOR dropped IN
    DELETE FROM waiter w WHERE w.pool = resized AND w.slots > new_capacity AND w.ticket >= before.low_ticket RETURNING w.session, w.ticket
  LOOP
    waiting := waiting - 1;
    notify_session := notify_session || dropped.session; notify_ticket := notify_ticket || dropped.ticket; notify_slot := notify_slot || -1;
  END LOOP;
  SELECT * INTO grants FROM grant_waiting(resized, new_capacity, usage, before.low_ticket, waiting);
  UPDATE pool_state s
  SET generation = before.generation + 1, usage = grants.usage, low_ticket = grants.low_ticket, waiting = grants.waiting
  WHERE s.pool = resized AND s.generation = before.generation;
  notify_session := notify_session || grants.sessions;
  notify_ticket := notify_ticket || grants.tickets; notify_slot := notify_slot || grants.slots;
END $$;

-- Waiters fail at once; holders find out when they renew. The pool goes when its last slot is back, or at once by force: unsafe, since
-- a pool made under its name then grants slots that are still in use. Answers who is to be told.
CREATE FUNCTION delete_pool(
  doomed integer, force boolean, session_id bigint DEFAULT NULL, session_epoch bigint DEFAULT NULL, OUT notify_session bigint[]
)
LANGUAGE plpgsql
SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off
SET jit = off SET lock_timeout = '5s'
AS $$
DECLARE
  guard integer;
  one integer;
  before record;
BEGIN
  PERFORM require_read_committed();
  PERFORM commit_durably();
  PERFORM check_caller(session_id, session_epoch);
  -- both locks before any row
  PERFORM pg_advisory_xact_lock('pool'::regclass::oid::integer, doomed);
  SELECT g.number INTO guard FROM pool g WHERE g.guards = doomed;
  IF guard IS NOT NULL THEN
    PERFORM pg_advisory_xact_lock('pool'::regclass::oid::integer, guard);
  END IF;
  notify_session := '{}';
  FOREACH one IN ARRAY array_remove(ARRAY[doomed, guard], NULL) LOOP
    UPDATE pool p SET deleted = coalesce(p.deleted, clock_timestamp()) WHERE p.number = one;
    IF NOT FOUND THEN
      CONTINUE WHEN one <> doomed;
      RAISE EXCEPTION 'no pool has the number %', doomed USING ERRCODE = 'NP003';
    END IF;
    notify_session := notify_session || ARRAY(SELECT t.session FROM session_pool t WHERE t.pool = one);
    SELECT s.generation, s.usage, s.waiting INTO STRICT before
    FROM pool_state s WHERE s.pool = one ORDER BY s.generation DESC LIMIT 1;
    IF force OR bit_count(before.usage) = 0 THEN
      PERFORM purge_pool(one);
    ELSIF before.waiting > 0 THEN
      DELETE FROM waiter w WHERE w.pool = one;
      UPDATE pool_state s SET generation = before.generation + 1, waiting = 0
      WHERE s.pool = one AND s.generation = before.generation;
    END IF;
  END LOOP;
  notify_session := ARRAY(SELECT DISTINCT n FROM unnest(notify_session) n);
END $$;

-- Compare and set: changed is false when another value came in between; the same value is fine.
CREATE FUNCTION set_metadata(
  pool_number integer, expected_version bigint, new_metadata jsonb, session_id bigint DEFAULT NULL, session_epoch bigint DEFAULT NULL,
  OUT changed boolean, OUT metadata jsonb, OUT metadata_version bigint
) LANGUAGE plpgsql SET lock_timeout = '5s' AS $$
BEGIN
  PERFORM require_read_committed();
  PERFORM commit_durably();
  PERFORM check_caller(session_id, session_epoch);
  SELECT p.metadata, p.metadata_version INTO metadata, metadata_version
  FROM pool p WHERE p.number = pool_number AND p.deleted IS NULL FOR NO KEY UPDATE;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'no pool has the number %', pool_number USING ERRCODE = 'NP003';
  END IF;
  changed := metadata_version = expected_version OR metadata IS NOT DISTINCT FROM new_metadata;
  IF changed AND metadata IS DISTINCT FROM new_metadata THEN
    UPDATE pool p SET metadata = new_metadata, metadata_version = p.metadata_version + 1
    WHERE p.number = pool_number RETURNING p.metadata, p.metadata_version INTO metadata, metadata_version;
  END IF;
END $$;

-- Eviction

-- Marks held slots of a pool, one of them or those of one session; answers whom to tell. A mark stays until its slot is free. The caller
-- holds the lock of the pool.
CREATE FUNCTION mark_evicted(
  pool_number integer, one_slot integer, one_session bigint, operator text,
  OUT notify_session bigint[], OUT notify_slot integer[], OUT notify_token bigint[]
) LANGUAGE plpgsql
SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off
SET jit = off
AS $$
DECLARE
  before record;
  added integer;
BEGIN
  SELECT s.generation, s.usage INTO STRICT before FROM pool_state s WHERE s.pool = pool_number ORDER BY s.generation DESC LIMIT 1;
  SELECT coalesce(array_agg(l.slot ORDER BY l.slot), '{}'), coalesce(array_agg(l.session ORDER BY l.slot), '{}'),
         coalesce(array_agg(l.token ORDER BY l.slot), '{}')
  INTO notify_slot, notify_session, notify_token
  FROM generate_series(0, length(before.usage) - 1) b
  CROSS JOIN LATERAL (SELECT * FROM lease x WHERE x.pool = pool_number AND x.slot = b ORDER BY x.token DESC LIMIT 1) l
  WHERE get_bit(before.usage, b) = 1 AND (one_slot IS NULL OR l.slot = one_slot) AND (one_session IS NULL OR l.session = one_session);
  INSERT INTO eviction (pool, slot, who) SELECT pool_number, n, operator FROM unnest(notify_slot) n
  ON CONFLICT ON CONSTRAINT eviction_pk DO NOTHING;
  GET DIAGNOSTICS added = ROW_COUNT;
  IF added > 0 THEN
    UPDATE pool_state s SET generation = before.generation + 1, marks = s.marks + added
    WHERE s.pool = pool_number AND s.generation = before.generation;
  END IF;
END $$;

-- Asks for one slot back: its holder is told at its next renewal at the latest, and a reaper frees the slot a ttl of the holder's after the
-- mark. The answer is empty when nobody holds it. A second order changes nothing.
CREATE FUNCTION evict_slot(
  pool_number integer, slot_index integer, operator text, session_id bigint DEFAULT NULL, session_epoch bigint DEFAULT NULL,
  OUT notify_session bigint[], OUT notify_token bigint[]
) LANGUAGE plpgsql
SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off
SET jit = off SET lock_timeout = '5s'
AS $$
DECLARE
  slots integer;
BEGIN
  PERFORM require_read_committed();
  PERFORM commit_durably();
  PERFORM check_caller(session_id, session_epoch);
  PERFORM pg_advisory_xact_lock('pool'::regclass::oid::integer, pool_number);
  SELECT length(s.usage) INTO slots FROM pool_state s WHERE s.pool = pool_number ORDER BY s.generation DESC LIMIT 1;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'no pool has the number %', pool_number USING ERRCODE = 'NP003';
  END IF;
  IF slot_index IS NULL OR slot_index NOT BETWEEN 0 AND slots - 1 THEN
    RAISE EXCEPTION 'slot %: the pool has 0 to %', slot_index, slots - 1 USING ERRCODE = '22023';
  END IF;
  SELECT m.notify_session, m.notify_token INTO notify_session, notify_token FROM mark_evicted(pool_number, slot_index, NULL, operator) m;
END $$;

-- Asks for all that a session holds back; the session itself goes on, and so do its places in queues. Answers whom to tell of which slot.
CREATE FUNCTION evict_session(
  evicted bigint, operator text, session_id bigint DEFAULT NULL, session_epoch bigint DEFAULT NULL,
  OUT notify_session bigint[], OUT notify_pool integer[], OUT notify_slot integer[], OUT notify_token bigint[]
) LANGUAGE plpgsql SET lock_timeout = '5s' AS $$
DECLARE
  one integer;
  marked record;
BEGIN
  PERFORM require_read_committed();
  PERFORM commit_durably();
  PERFORM check_caller(session_id, session_epoch);
  PERFORM 1 FROM session s WHERE s.id = evicted AND s.dead IS NULL;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'there is no session %', evicted USING ERRCODE = 'NP009';
  END IF;
  notify_session := '{}'; notify_pool := '{}'; notify_slot := '{}'; notify_token := '{}';
  FOR one IN SELECT t.pool FROM session_pool t WHERE t.session = evicted ORDER BY t.pool LOOP
    PERFORM pg_advisory_xact_lock('pool'::regclass::oid::integer, one);
    CONTINUE WHEN NOT EXISTS (SELECT 1 FROM pool p WHERE p.number = one);
    SELECT * INTO marked FROM mark_evicted(one, NULL, evicted, operator);
    notify_session := notify_session || marked.notify_session; notify_slot := notify_slot || marked.notify_slot;
    notify_token := notify_token || marked.notify_token;
    notify_pool := notify_pool || array_fill(one, ARRAY[cardinality(marked.notify_token)]);
  END LOOP;
END $$;

-- Marked slots; ttl_millis is the holder's.
CREATE FUNCTION evictions() RETURNS TABLE (pool_number integer, slot integer, mark bigint, ttl_millis integer) LANGUAGE plpgsql
SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off
SET jit = off
AS $$
BEGIN
  RETURN QUERY
    SELECT e.pool, e.slot, e.number, coalesce((
      SELECT s.ttl_millis
      FROM (SELECT x.session FROM lease x WHERE x.pool = e.pool AND x.slot = e.slot ORDER BY x.token DESC LIMIT 1) l
      JOIN session s ON s.id = l.session), 0)
    FROM eviction e ORDER BY e.pool, e.slot;
END $$;

-- For reapers, a ttl of the holder's after they first saw the mark: its deadline has passed, or it knows. Frees the slot and grants it on.
CREATE FUNCTION free_evicted(
  pool_number integer, slot_index integer, mark bigint,
  OUT freed boolean, OUT notify_session bigint[], OUT notify_ticket bigint[], OUT notify_slot integer[]
) LANGUAGE plpgsql
SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off
SET jit = off SET lock_timeout = '5s'
AS $$
<<call>>
DECLARE
  it record;
  before record;
  usage bit varying;
  low_ticket bigint;
  waiting integer;
  grants record;
BEGIN
  PERFORM require_read_committed();
  PERFORM commit_durably();
  freed := false; notify_session := '{}'; notify_ticket := '{}'; notify_slot := '{}';
  PERFORM pg_advisory_xact_lock('pool'::regclass::oid::integer, pool_number);
  DELETE FROM eviction e WHERE e.pool = pool_number AND e.slot = slot_index AND e.number = mark;
  IF NOT FOUND THEN
    RETURN; -- it is free already, whoever did it
  END IF;
  SELECT p.capacity, p.deleted IS NOT NULL AS deleted INTO STRICT it FROM pool p WHERE p.number = pool_number;
  SELECT s.generation, s.usage, s.low_ticket, s.waiting INTO STRICT before
  FROM pool_state s WHERE s.pool = pool_number ORDER BY s.generation DESC LIMIT 1;
  DELETE FROM lease l
  WHERE l.pool = pool_number AND l.slot = slot_index
    AND l.token = (SELECT max(x.token) FROM lease x WHERE x.pool = pool_number AND x.slot = slot_index);
  usage := set_bit(before.usage, slot_index, 0); low_ticket := before.low_ticket; waiting := before.waiting;
  freed := true;
  IF NOT it.deleted THEN
    SELECT * INTO grants FROM grant_waiting(pool_number, it.capacity, usage, low_ticket, waiting);
    usage := grants.usage; low_ticket := grants.low_ticket; waiting := grants.waiting;
    notify_session := grants.sessions; notify_ticket := grants.tickets; notify_slot := grants.slots;
  END IF;
  IF it.deleted AND bit_count(usage) = 0 THEN
    PERFORM purge_pool(pool_number);
  ELSE
    UPDATE pool_state s
    SET generation = before.generation + 1, usage = call.usage, low_ticket = call.low_ticket, waiting = call.waiting,
        marks = s.marks - 1
    WHERE s.pool = pool_number AND s.generation = before.generation;
  END IF;
END $$;

-- For users' own transactions, at any isolation: passes when no higher token was seen for that slot, and remembers this one. Its row stays
-- locked until the transaction ends, so the work of a holder that stalled and that of the next one cannot interleave. Apart from that row it
-- touches nothing.
CREATE FUNCTION fence(pool_id text, slot integer, token bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  newest bigint;
BEGIN
  IF pool_id IS NULL OR slot IS NULL OR token IS NULL THEN
    RAISE EXCEPTION 'fence: pool_id %, slot %, token %: none may be null', pool_id, slot, token USING ERRCODE = '22023';
  END IF;
  INSERT INTO fence AS f (pool, slot, token) VALUES (fence.pool_id, fence.slot, fence.token)
  ON CONFLICT ON CONSTRAINT fence_pk DO UPDATE SET token = excluded.token WHERE f.token <= excluded.token;
  IF NOT FOUND THEN
    SELECT f.token INTO newest FROM fence f WHERE f.pool = fence.pool_id AND f.slot = fence.slot;
    RAISE EXCEPTION 'token % of slot % of pool % is outdated', fence.token, fence.slot, fence.pool_id
      USING ERRCODE = 'NP008', DETAIL = newest::text;
  END IF;
END $$;

-- What operators see

CREATE VIEW holding AS
  SELECT p.id AS pool, p.number AS pool_number, p.guards, l.slot, l.token, l.label, l.since, l.session AS session_id,
         (s.who).application, (s.who).host, (s.who).pid
  FROM pool p
  CROSS JOIN LATERAL (SELECT x.usage FROM pool_state x WHERE x.pool = p.number ORDER BY x.generation DESC LIMIT 1) state
  CROSS JOIN LATERAL generate_series(0, length(state.usage) - 1) b
  CROSS JOIN LATERAL (SELECT * FROM lease x WHERE x.pool = p.number AND x.slot = b ORDER BY x.token DESC LIMIT 1) l
  LEFT JOIN session s ON s.id = l.session
  WHERE get_bit(state.usage, b) = 1;
COMMENT ON VIEW holding IS 'Who holds what.';

CREATE VIEW waiting AS
  SELECT p.id AS pool, p.number AS pool_number, p.guards, w.ticket, w.slots, w.label, w.since, w.session AS session_id,
         (s.who).application, (s.who).host, (s.who).pid
  FROM pool p
  CROSS JOIN LATERAL (SELECT x.low_ticket FROM pool_state x WHERE x.pool = p.number ORDER BY x.generation DESC LIMIT 1) state
  CROSS JOIN LATERAL (SELECT * FROM waiter x WHERE x.pool = p.number AND x.ticket >= state.low_ticket OFFSET 0) w
  LEFT JOIN session s ON s.id = w.session;
COMMENT ON VIEW waiting IS 'Who waits, and for how many slots; the lowest ticket of a pool is first.';

-- held, waiting: slots and places of all pools.
CREATE FUNCTION list_sessions() RETURNS TABLE (
  session_id bigint, who process, mode text, ttl_millis integer, grace_millis integer, opened timestamptz, renewed timestamptz,
  detached_since timestamptz, dead timestamptz, held integer, queued integer
) LANGUAGE plpgsql AS $$
BEGIN
  RETURN QUERY
    SELECT s.id, s.who, s.mode, s.ttl_millis, s.grace_millis, s.opened, b.renewed, s.detached_since, s.dead,
           coalesce(h.slots, 0), coalesce(w.places, 0)
    FROM session s
    JOIN session_beat b ON b.session = s.id
    LEFT JOIN (SELECT x.session_id, count(*)::integer AS slots FROM holding x GROUP BY 1) h ON h.session_id = s.id
    LEFT JOIN (SELECT x.session_id, count(*)::integer AS places FROM waiting x GROUP BY 1) w ON w.session_id = s.id
    ORDER BY s.id;
END $$;

-- The prefix is literal: % and _ are characters like any other.
CREATE FUNCTION list_pools(prefix text) RETURNS TABLE (pool_id text, capacity integer, held integer, queued integer)
LANGUAGE plpgsql
SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off
SET jit = off
AS $$
BEGIN
  RETURN QUERY
    SELECT p.id, p.capacity, bit_count(s.usage)::integer, s.waiting
    FROM pool p
    CROSS JOIN LATERAL (SELECT * FROM pool_state x WHERE x.pool = p.number ORDER BY x.generation DESC LIMIT 1) s
    WHERE p.guards IS NULL AND p.deleted IS NULL AND starts_with(p.id, prefix)
    ORDER BY p.id COLLATE "C";
END $$;

-- One snapshot of one pool: a row for it (kind 0), one for each holder (1), one for each place in the queue (2).
CREATE FUNCTION pool_status(asked integer) RETURNS TABLE (
  kind integer, capacity integer, slot integer, ticket bigint, slots integer, label text, since timestamptz, session_id bigint, who process
) LANGUAGE plpgsql
SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off
SET jit = off
AS $$
BEGIN
  RETURN QUERY
    SELECT 0, p.capacity, NULL::integer, NULL::bigint, NULL::integer, p.id, p.created, NULL::bigint, NULL::process FROM pool p WHERE p.number = asked
    UNION ALL
    SELECT 1, NULL, h.slot, h.token, 1, h.label, h.since, h.session_id, ROW(h.application, h.host, h.pid)::process
    FROM holding h WHERE h.pool_number = asked
    UNION ALL
    SELECT 2, NULL, NULL, w.ticket, w.slots, w.label, w.since, w.session_id, ROW(w.application, w.host, w.pid)::process
    FROM waiting w WHERE w.pool_number = asked
    ORDER BY 1, 3, 4;
END $$;

-- Damage, and what nobody sees to

-- Looks for what no call leaves behind, and for what a reaper should have seen to by now. One statement, so one snapshot: what is under way
-- is not found. Takes no lock, and plans much the same whatever the statistics say: no nested loops.
-- pool_id: of a guard, that of the pool it guards; null when it is not about one pool. advice ends with SQL for the owner of the tables.
CREATE FUNCTION inspect() RETURNS TABLE (promise text, pool_id text, finding text, advice text)
LANGUAGE plpgsql STABLE SET enable_nestloop = off SET jit = off AS $$
DECLARE
  ours text := (SELECT c.relnamespace::regnamespace::text FROM pg_class c WHERE c.oid = 'pool'::regclass);
  -- No later than the snapshot, less what reapers take beyond a ttl on a busy machine. Before the server was up, nobody could act.
  due CONSTANT timestamptz := now() - interval '10 seconds';
  up CONSTANT timestamptz := pg_postmaster_start_time();
  -- %1$s our schema, %2$s the pool's number, %3$s the first of the numbers found, %4$L a name
  damage CONSTANT text := 'No call does this: report it, unless somebody wrote to the tables. ';
  locked CONSTANT text := damage || 'To mend it: BEGIN; SELECT pg_advisory_xact_lock(''%1$s.pool''::regclass::oid::integer, %2$s); ';
  remake CONSTANT text := damage || 'Stop the clients of the pool, and make it again. To mend it: SELECT %1$s.delete_pool(%2$s, true)';
  recount CONSTANT text := locked || 'UPDATE %1$s.pool_state s SET generation = generation + 1,'
    ' waiting = (SELECT count(*) FROM %1$s.waiter w WHERE w.pool = s.pool),'
    ' low_ticket = coalesce((SELECT min(w.ticket) FROM %1$s.waiter w WHERE w.pool = s.pool), last_ticket + 1),'
    ' marks = (SELECT count(*) FROM %1$s.eviction e WHERE e.pool = s.pool) WHERE pool = %2$s; COMMIT';
  regrant CONSTANT text := damage || 'To mend it: SELECT %1$s.repair(0, %2$s)';
  redrop CONSTANT text := damage || 'To mend it: SELECT %1$s.resize_pool(number, capacity) FROM %1$s.pool WHERE number = %2$s';
  reap CONSTANT text := 'Nobody clears up: let a process that has numpool open live for longer than the ttl, or see in its log why it cannot';
BEGIN
  RETURN QUERY
  WITH state AS MATERIALIZED (
    SELECT DISTINCT ON (p.number) p.number AS pool, p.id, p.capacity, p.deleted, s.usage, s.last_ticket, s.low_ticket, s.waiting, s.marks
    FROM pool p JOIN pool_state s ON s.pool = p.number ORDER BY p.number, s.generation DESC
  ), mark AS MATERIALIZED (
    SELECT s.pool, b::bigint AS slot
    FROM state s CROSS JOIN LATERAL generate_series(0, length(s.usage) - 1) b WHERE get_bit(s.usage, b) = 1
  ), slot AS MATERIALIZED (
    SELECT coalesce(m.pool, l.pool) AS pool, coalesce(m.slot, l.slot) AS slot, m.slot IS NOT NULL AS marked, coalesce(l.leases, 0) AS leases
    FROM mark m
    FULL JOIN (SELECT x.pool, x.slot::bigint AS slot, count(*) AS leases FROM lease x GROUP BY x.pool, x.slot) l
      ON l.pool = m.pool AND l.slot = m.slot
  ), queue AS MATERIALIZED (
    SELECT w.pool, w.ticket, w.slots, w.session, row_number() OVER line AS place, lead(w.ticket) OVER line AS next_ticket
    FROM waiter w WINDOW line AS (PARTITION BY w.pool ORDER BY w.ticket)
  ), part AS MATERIALIZED (
    -- what a grant of several slots consists of, one transaction wrote
    SELECT l.pool, l.session, l.request, l.token AS ticket, 'grant ' || l.xmin::text AS whole FROM lease l
    UNION ALL
    SELECT w.pool, w.session, w.request, w.ticket, 'place ' || w.ticket FROM waiter w
  ), seen (promise, pool, name, what, numbers, todo) AS (
    SELECT 'P1', p.number, NULL, 'no row in pool_state', NULL::bigint[],
           damage || 'Stop the clients of the pool, and make it again.'
           ' To mend it: INSERT INTO %1$s.pool_state VALUES (%2$s, 0, '''', 0, 0, 0); SELECT %1$s.delete_pool(%2$s, true)'
    FROM pool p LEFT JOIN state s ON s.pool = p.number WHERE s.pool IS NULL
    UNION ALL
    SELECT 'P1', s.pool, NULL, 'several rows in pool_state, of generation', array_agg(s.generation ORDER BY s.generation), remake
    FROM pool_state s JOIN pool p ON p.number = s.pool GROUP BY s.pool HAVING count(*) > 1
    UNION ALL
    SELECT 'P1', s.pool, NULL, 'no bit in pool_state for slots from', ARRAY[length(s.usage)::bigint], remake
    FROM state s WHERE length(s.usage) < s.capacity
    UNION ALL
    SELECT 'P1', s.pool, NULL, 'marked as held, and held by nobody: slot', array_agg(s.slot ORDER BY s.slot),
           locked || 'UPDATE %1$s.pool_state SET generation = generation + 1, usage = set_bit(usage, %3$s, 0) WHERE pool = %2$s; COMMIT'
    FROM slot s WHERE s.marked AND s.leases = 0 GROUP BY s.pool
    UNION ALL
    SELECT 'P1', s.pool, NULL, 'held, and marked as free, so that others can get it, too: slot', array_agg(s.slot ORDER BY s.slot), remake
    FROM slot s JOIN state p ON p.pool = s.pool WHERE NOT s.marked GROUP BY s.pool
    UNION ALL
    SELECT 'P1', s.pool, NULL, 'held more than once: slot', array_agg(s.slot ORDER BY s.slot), remake
    FROM slot s JOIN state p ON p.pool = s.pool WHERE s.leases > 1 GROUP BY s.pool
    UNION ALL
    SELECT 'P1', t.pool, NULL, 'holds several slots: token', array_agg(t.token ORDER BY t.token), remake
    FROM (SELECT l.pool, l.token FROM lease l GROUP BY l.pool, l.token HAVING count(*) > 1) t JOIN state p ON p.pool = t.pool GROUP BY t.pool

    UNION ALL
    SELECT 'P2', s.pool, NULL, 'above the last ticket, and so given out again: token', array_agg(l.token ORDER BY l.token), remake
    FROM state s JOIN lease l ON l.pool = s.pool WHERE l.token > s.last_ticket GROUP BY s.pool
    UNION ALL
    SELECT 'P2', s.pool, NULL, 'waits above the last ticket, and so is given out again: ticket', array_agg(q.ticket ORDER BY q.ticket), remake
    FROM state s JOIN queue q ON q.pool = s.pool WHERE q.ticket + q.slots - 1 > s.last_ticket GROUP BY s.pool
    UNION ALL
    SELECT 'P2', q.pool, NULL, 'waits for several slots, and reaches into the next place: ticket', array_agg(q.ticket ORDER BY q.ticket), remake
    FROM queue q JOIN state s ON s.pool = q.pool WHERE q.ticket + q.slots > q.next_ticket GROUP BY q.pool
    UNION ALL
    SELECT 'P2', s.pool, f.pool, 'fenced under a token that was never given out, so that its holders are refused: slot',
           array_agg(f.slot::bigint ORDER BY f.slot),
           'Give fence the token of a grant. To mend it: DELETE FROM %1$s.fence WHERE pool = %4$L AND slot = %3$s'
    FROM fence f LEFT JOIN state s ON s.id = f.pool CROSS JOIN ticket_floor o
    WHERE f.token > coalesce(s.last_ticket, greatest(o.ticket, extract(epoch FROM clock_timestamp()) * 1000000)) GROUP BY s.pool, f.pool

    UNION ALL
    SELECT 'P3', s.pool, NULL, 'waits below low_ticket, where nobody looks: ticket', array_agg(q.ticket ORDER BY q.ticket), recount
    FROM state s JOIN queue q ON q.pool = s.pool WHERE q.ticket < s.low_ticket GROUP BY s.pool
    UNION ALL
    SELECT 'P3', s.pool, NULL, 'waiters by the count in pool_state, and in truth:', ARRAY[s.waiting, coalesce(w.places, 0)], recount
    FROM state s LEFT JOIN (SELECT q.pool, count(*) AS places FROM queue q GROUP BY q.pool) w ON w.pool = s.pool
    WHERE s.waiting <> coalesce(w.places, 0)
    UNION ALL
    SELECT 'P3', q.pool, NULL, 'granted while an earlier ticket waits: token', array_agg(l.token ORDER BY l.token), remake
    FROM queue q JOIN state s ON s.pool = q.pool JOIN lease l ON l.pool = q.pool WHERE q.place = 1 AND l.token >= q.ticket GROUP BY q.pool

    UNION ALL
    SELECT 'P4', s.pool, NULL, 'first in line, and waits although enough slots are free: ticket', ARRAY[q.ticket], regrant
    FROM state s JOIN queue q ON q.pool = s.pool JOIN session t ON t.id = q.session
    WHERE q.place = 1 AND t.dead IS NULL AND s.deleted IS NULL AND q.slots <= bit_count(~substring(s.usage FOR s.capacity))
    UNION ALL
    SELECT 'P4', s.pool, NULL, 'waits for more slots than there are: ticket', array_agg(q.ticket ORDER BY q.ticket), redrop
    FROM state s JOIN queue q ON q.pool = s.pool WHERE q.slots > s.capacity GROUP BY s.pool

    UNION ALL
    SELECT 'P5', k.pool, NULL, 'holds or waits, and has no row in session_pool, so that this would outlive it: session',
           array_agg(DISTINCT k.session), damage || 'To mend it: INSERT INTO %1$s.session_pool (session, pool) VALUES (%3$s, %2$s)'
    FROM part k JOIN state s ON s.pool = k.pool JOIN session t ON t.id = k.session
    LEFT JOIN session_pool x ON x.session = k.session AND x.pool = k.pool WHERE x.pool IS NULL GROUP BY k.pool
    UNION ALL
    SELECT 'P5', s.pool, NULL, 'evictions by the count in pool_state, and in truth:', ARRAY[s.marks, coalesce(e.orders, 0)], recount
    FROM state s LEFT JOIN (SELECT x.pool, count(*) AS orders FROM eviction x GROUP BY x.pool) e ON e.pool = s.pool
    WHERE s.marks <> coalesce(e.orders, 0)
    UNION ALL
    SELECT 'P5', s.pool, NULL, 'evicted, and free, so that the next holder would lose it: slot', array_agg(e.slot::bigint ORDER BY e.slot),
           locked || 'DELETE FROM %1$s.eviction WHERE pool = %2$s AND slot = %3$s; UPDATE %1$s.pool_state s SET generation = generation + 1,'
           ' marks = (SELECT count(*) FROM %1$s.eviction e WHERE e.pool = s.pool) WHERE pool = %2$s; COMMIT'
    FROM state s JOIN eviction e ON e.pool = s.pool LEFT JOIN mark m ON m.pool = e.pool AND m.slot = e.slot WHERE m.slot IS NULL GROUP BY s.pool
    UNION ALL
    SELECT 'P5', e.pool, NULL, 'evicted longer than a ttl ago, and still held: slot', array_agg(DISTINCT e.slot::bigint), reap
    FROM eviction e JOIN state s ON s.pool = e.pool JOIN lease l ON l.pool = e.pool AND l.slot = e.slot JOIN session t ON t.id = l.session
    WHERE greatest(e.since, up) + t.ttl_millis * interval '1 millisecond' < due GROUP BY e.pool
    UNION ALL
    SELECT 'P5', s.pool, NULL, 'deleted longer than a ttl ago, and not back: slot', array_agg(m.slot ORDER BY m.slot),
           reap || '. To mend it, when nobody uses them any more: SELECT %1$s.delete_pool(%2$s, true)'
    FROM state s JOIN mark m ON m.pool = s.pool
    LEFT JOIN (SELECT x.pool, max(t.ttl_millis) AS ttl_millis FROM session_pool x JOIN session t ON t.id = x.session GROUP BY x.pool) w
      ON w.pool = s.pool
    WHERE s.deleted IS NOT NULL AND greatest(s.deleted, up) + coalesce(w.ttl_millis, 0) * interval '1 millisecond' < due GROUP BY s.pool
    UNION ALL
    SELECT 'P5', s.pool, NULL, 'deleted, all slots are back, and it is still there', NULL,
           damage || 'To mend it: SELECT %1$s.delete_pool(%2$s, true)'
    FROM state s WHERE s.deleted IS NOT NULL AND bit_count(s.usage) = 0
    UNION ALL
    SELECT 'P5', s.pool, NULL, 'deleted, and waited for: ticket', array_agg(q.ticket ORDER BY q.ticket),
           damage || 'To mend it: SELECT %1$s.delete_pool(%2$s, false)'
    FROM state s JOIN queue q ON q.pool = s.pool WHERE s.deleted IS NOT NULL GROUP BY s.pool
    UNION ALL
    SELECT 'P5', NULL, NULL, 'rows in ' || x.place || ' of pools that are not there, of number', array_agg(DISTINCT x.pool::bigint),
           damage || 'To mend it: DELETE FROM %1$s.' || x.place || ' x WHERE NOT EXISTS (SELECT 1 FROM %1$s.pool p WHERE p.number = x.pool)'
    FROM (
      SELECT 'pool_state' AS place, s.pool FROM pool_state s UNION ALL SELECT 'lease', l.pool FROM lease l
      UNION ALL SELECT 'waiter', w.pool FROM waiter w UNION ALL SELECT 'session_pool', t.pool FROM session_pool t
      UNION ALL SELECT 'eviction', e.pool FROM eviction e
    ) x LEFT JOIN pool p ON p.number = x.pool WHERE p.number IS NULL GROUP BY x.place
    UNION ALL
    SELECT 'P5', NULL, NULL, 'rows in ' || x.place || ' of sessions that are not there, of number', array_agg(DISTINCT x.session),
           damage || 'To mend it: DELETE FROM %1$s.' || x.place || ' x WHERE NOT EXISTS (SELECT 1 FROM %1$s.session s WHERE s.id = x.session)'
    FROM (SELECT 'session_beat' AS place, b.session FROM session_beat b UNION ALL SELECT 'session_pool', t.session FROM session_pool t) x
    LEFT JOIN session t ON t.id = x.session WHERE t.id IS NULL GROUP BY x.place

    UNION ALL
    SELECT 'P6', k.pool, NULL, 'more than one grant or place for one request: ticket', array_agg(k.ticket ORDER BY k.ticket), remake
    FROM part k
    JOIN (SELECT y.pool, y.request FROM part y JOIN session t ON t.id = y.session AND t.dead IS NULL
          GROUP BY y.pool, y.request HAVING count(DISTINCT y.whole) > 1) twice ON twice.pool = k.pool AND twice.request = k.request
    GROUP BY k.pool

    UNION ALL
    SELECT 'P7', k.pool, NULL, 'holds or waits, and is not there: session', array_agg(DISTINCT k.session),
           damage || 'To mend it: SELECT %1$s.repair(%3$s, %2$s)'
    FROM part k JOIN state s ON s.pool = k.pool LEFT JOIN session t ON t.id = k.session WHERE t.id IS NULL GROUP BY k.pool
    UNION ALL
    SELECT 'P7', NULL, NULL, 'dead for longer than a ttl, and not cleared up: session', array_agg(t.id ORDER BY t.id), reap
    FROM session t WHERE t.dead IS NOT NULL AND greatest(t.dead, up) + t.ttl_millis * interval '1 millisecond' < due HAVING count(*) > 0
    UNION ALL
    SELECT 'P7', NULL, NULL, 'not renewed for longer than its ttl, and not declared dead: session', array_agg(t.id ORDER BY t.id), reap
    FROM session t JOIN session_beat b ON b.session = t.id
    WHERE t.dead IS NULL AND greatest(b.renewed, up) + t.ttl_millis * interval '1 millisecond' < due HAVING count(*) > 0
    UNION ALL
    SELECT 'P7', NULL, NULL, 'has no row in session_beat, so that nobody would find it dead: session', array_agg(t.id ORDER BY t.id),
           damage || 'To mend it: INSERT INTO %1$s.session_beat (session, beat, renewed) VALUES (%3$s, gen_random_uuid(), clock_timestamp())'
    FROM session t LEFT JOIN session_beat b ON b.session = t.id WHERE b.session IS NULL HAVING count(*) > 0

    UNION ALL
    SELECT 'P8', NULL, NULL, 'keeps locks of numpool while it waits for its client: backend', array_agg(DISTINCT a.pid::bigint),
           'Call numpool in autocommit, outside any transaction. To end it: SELECT pg_terminate_backend(%3$s)'
    FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid JOIN pg_database d ON d.oid = l.database
    WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 2 AND d.datname = current_database()
      AND l.classid IN ('session_beat'::regclass::oid, 'pool'::regclass::oid, 'session_pool'::regclass::oid)
      AND a.wait_event = 'ClientRead' AND a.state_change < clock_timestamp() - interval '5 seconds'
    HAVING count(*) > 0
  )
  SELECT s.promise, coalesce(s.name, p.id, g.id),
         CASE WHEN p.guards IS NULL THEN '' ELSE 'its lock (pool ' || p.number || '): ' END || s.what
         || coalesce(' ' || array_to_string(s.numbers[1:20], ', ') || CASE WHEN cardinality(s.numbers) > 20 THEN ' and more' ELSE '' END, ''),
         format(s.todo, ours, s.pool, s.numbers[1], s.name)
  FROM seen s LEFT JOIN pool p ON p.number = s.pool LEFT JOIN pool g ON g.number = p.guards
  ORDER BY 1, 2, 3;
END $$;

INSERT INTO pool_version (version) VALUES (1);
GRANT SELECT ON pool_version TO PUBLIC;

-- Every function of ours: with a path of its own, with the rights of its owner, and for nobody who was not granted it.
DO $$
DECLARE
  ours regprocedure;
BEGIN
  FOR ours IN
    SELECT p.oid FROM pg_proc p
    WHERE p.pronamespace = quote_ident(current_schema())::regnamespace AND p.proname IN (
      'require_read_committed', 'require_primary', 'commit_durably', 'current_incarnation', 'check_caller', 'grant_waiting', 'purge_pool',
      'exchange', 'poll', 'channel_of', 'open_session', 'attach', 'renew',
      'raise_epoch', 'end_session',
      'survey', 'doomed_pools', 'declare_dead', 'repair', 'forget', 'unblock', 'announce', 'first_ticket', 'create_pool', 'guard_pool',
      'find_pool', 'resize_pool', 'delete_pool', 'set_metadata', 'mark_evicted', 'evict_slot', 'evict_session', 'evictions', 'free_evicted', 'fence',
      'list_pools', 'list_sessions', 'pool_status', 'inspect')
  LOOP
    EXECUTE format('ALTER FUNCTION %s SECURITY DEFINER SET search_path = pg_catalog, %I, pg_temp', ours, current_schema());
    EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', ours);
  END LOOP;
END $$;

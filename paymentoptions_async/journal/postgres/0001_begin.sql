-- The journal on PostgreSQL, in a schema of its own. Times are Unix seconds by the clock of the database.
-- What is read back is in the JSON texts (rows.py); the columns beside them are for queries and for people.
-- Names are compared byte by byte, so that references have one order everywhere, and every comparison finds its index.

-- The one clock of all processes: no host's clock decides who may send.
CREATE FUNCTION journal_now() RETURNS double precision
LANGUAGE sql VOLATILE
AS $$ SELECT extract(epoch FROM clock_timestamp())::double precision $$;

CREATE TABLE intents (
  id bigint GENERATED ALWAYS AS IDENTITY,  -- tells which came first of those that were opened at one instant
  ref text COLLATE "C" PRIMARY KEY,
  scope text COLLATE "C" NOT NULL,
  order_name text,
  order_key text COLLATE "C" GENERATED ALWAYS AS (scope || E'\n' || order_name) STORED,  -- an order is one merchant's
  parent text COLLATE "C",
  operation text NOT NULL,
  family text NOT NULL,
  status text NOT NULL,
  progress text NOT NULL,
  transaction_id text COLLATE "C",
  owner text NOT NULL,
  deadline double precision NOT NULL,
  opened_at double precision NOT NULL,
  changed_at double precision NOT NULL,
  version bigint NOT NULL,
  is_open boolean NOT NULL,
  intent text NOT NULL,
  payment text NOT NULL
) WITH (fillfactor = 70);  -- each is written at least twice; the second time fits beside the first

CREATE INDEX intents_of_scope ON intents (scope, ref);
-- Of these two none is partial: its predicate alone would do as a scan of all that have an order.
CREATE INDEX intents_of_order ON intents (order_key);
CREATE INDEX intents_of_parent ON intents (parent);
CREATE INDEX intents_open ON intents (scope, opened_at) WHERE is_open;

CREATE TABLE history (
  ref text COLLATE "C" NOT NULL,
  version bigint NOT NULL,
  at double precision NOT NULL,
  source text NOT NULL,
  status text NOT NULL,
  progress text NOT NULL,
  event text NOT NULL,
  evidence text,
  doubts text,
  told_by text,
  note text,
  write_id text NOT NULL,  -- of the operation that wrote it: tells after a lost COMMIT whether it came to be
  PRIMARY KEY (ref, version)
);

CREATE FUNCTION refuse() RETURNS trigger
LANGUAGE plpgsql
AS $$ BEGIN RAISE EXCEPTION '%', TG_ARGV[0] USING ERRCODE = 'restrict_violation'; END $$;

CREATE TRIGGER history_stands BEFORE UPDATE OR DELETE OR TRUNCATE ON history
FOR EACH STATEMENT EXECUTE FUNCTION refuse('history is append-only');
-- A key that is forgotten could charge again.
CREATE TRIGGER intents_stay BEFORE DELETE OR TRUNCATE ON intents
FOR EACH STATEMENT EXECUTE FUNCTION refuse('intents are never deleted');

-- Whose a gateway transaction is: the first one that named it.
CREATE TABLE transactions (
  transaction_id text COLLATE "C" PRIMARY KEY,
  ref text COLLATE "C" NOT NULL
);

CREATE TABLE notices (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  ref text COLLATE "C" NOT NULL,
  digest text COLLATE "C" NOT NULL,
  scope text COLLATE "C" NOT NULL,
  state text NOT NULL,
  known boolean NOT NULL,
  received_at double precision NOT NULL,
  outcome text NOT NULL,
  transaction_ids text NOT NULL,
  body text NOT NULL,
  write_id text NOT NULL,
  UNIQUE (ref, digest)
);

CREATE INDEX notices_waiting ON notices (scope, id) WHERE state = 'waiting';

-- Scopes whose changes are handed to an application, and what is not handed over yet.
CREATE TABLE kept_scopes (
  scope text COLLATE "C" PRIMARY KEY
);

CREATE TABLE events (
  id text PRIMARY KEY,
  seq bigint GENERATED ALWAYS AS IDENTITY,
  ref text COLLATE "C" NOT NULL,
  version bigint NOT NULL,
  scope text COLLATE "C" NOT NULL,
  event text NOT NULL,
  payment text NOT NULL,
  owner text NOT NULL DEFAULT '',
  free_at double precision NOT NULL DEFAULT 0,
  attempts bigint NOT NULL DEFAULT 0,
  claim text  -- of the call that took it last: tells after a lost answer that it was this one
);

CREATE UNIQUE INDEX events_of_payment ON events (ref, version);
CREATE INDEX events_of_scope ON events (scope, seq);

-- The journal on PostgreSQL, in a schema of its own. Times are Unix seconds by the clock of the database.
-- What is read back is in the JSON texts (rows.py); the columns beside them are for queries and for people.

-- The one clock of all processes: no host's clock decides who may send.
CREATE FUNCTION journal_now() RETURNS double precision
LANGUAGE sql VOLATILE
AS $$ SELECT extract(epoch FROM clock_timestamp())::double precision $$;

CREATE TABLE intents (
  id bigint GENERATED ALWAYS AS IDENTITY,  -- tells which came first of those that were opened at one instant
  ref text COLLATE "C" PRIMARY KEY,
  scope text NOT NULL,
  order_name text,
  parent text,
  operation text NOT NULL,
  family text NOT NULL,
  status text NOT NULL,
  progress text NOT NULL,
  transaction_id text,
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
CREATE INDEX intents_of_order ON intents (scope, order_name) WHERE order_name IS NOT NULL;
CREATE INDEX intents_of_parent ON intents (parent) WHERE parent IS NOT NULL;
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
  transaction_id text PRIMARY KEY,
  ref text NOT NULL
);

CREATE TABLE notices (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  ref text NOT NULL,
  digest text NOT NULL,
  scope text NOT NULL,
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
  scope text PRIMARY KEY
);

CREATE TABLE events (
  id text PRIMARY KEY,
  seq bigint GENERATED ALWAYS AS IDENTITY,
  ref text NOT NULL,
  version bigint NOT NULL,
  scope text NOT NULL,
  event text NOT NULL,
  payment text NOT NULL,
  owner text NOT NULL DEFAULT '',
  free_at double precision NOT NULL DEFAULT 0,
  attempts bigint NOT NULL DEFAULT 0,
  claim text  -- of the call that took it last: tells after a lost answer that it was this one
);

CREATE UNIQUE INDEX events_of_payment ON events (ref, version);
CREATE INDEX events_of_scope ON events (scope, seq);

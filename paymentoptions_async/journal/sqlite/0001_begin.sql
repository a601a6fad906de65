-- The journal on SQLite. Times are Unix seconds by the clock of the host.
-- What is read back is in the JSON texts (rows.py); the columns beside them are for queries and for people.

CREATE TABLE intents (
  id INTEGER PRIMARY KEY,
  ref TEXT NOT NULL UNIQUE,
  scope TEXT NOT NULL,
  order_name TEXT,
  parent TEXT,
  operation TEXT NOT NULL,
  family TEXT NOT NULL,
  status TEXT NOT NULL,
  progress TEXT NOT NULL,
  transaction_id TEXT,
  owner TEXT NOT NULL,
  deadline REAL NOT NULL,
  opened_at REAL NOT NULL,
  changed_at REAL NOT NULL,
  version INTEGER NOT NULL,
  is_open INTEGER NOT NULL,
  intent TEXT NOT NULL,
  payment TEXT NOT NULL
) STRICT;

CREATE INDEX intents_of_order ON intents (scope, order_name) WHERE order_name IS NOT NULL;
CREATE INDEX intents_of_parent ON intents (parent) WHERE parent IS NOT NULL;
CREATE INDEX intents_open ON intents (scope, opened_at) WHERE is_open = 1;

-- A key that is forgotten could charge again.
CREATE TRIGGER intents_stay BEFORE DELETE ON intents
BEGIN SELECT RAISE(ABORT, 'intents are never deleted'); END;

CREATE TABLE history (
  intent INTEGER NOT NULL,
  version INTEGER NOT NULL,
  at REAL NOT NULL,
  source TEXT NOT NULL,
  status TEXT NOT NULL,
  progress TEXT NOT NULL,
  event TEXT NOT NULL,
  evidence TEXT,
  doubts TEXT,
  told_by TEXT,
  note TEXT,
  write_id INTEGER NOT NULL,  -- of the commit that wrote it: tells after an error whether it came to be
  PRIMARY KEY (intent, version)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER history_stands BEFORE UPDATE ON history
BEGIN SELECT RAISE(ABORT, 'history is append-only'); END;
CREATE TRIGGER history_stays BEFORE DELETE ON history
BEGIN SELECT RAISE(ABORT, 'history is append-only'); END;

-- Whose a gateway transaction is: the first one that named it.
CREATE TABLE transactions (
  transaction_id TEXT PRIMARY KEY,
  intent INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE notices (
  id INTEGER PRIMARY KEY,
  ref TEXT NOT NULL,
  digest TEXT NOT NULL,
  scope TEXT NOT NULL,
  state TEXT NOT NULL,
  known INTEGER NOT NULL,
  received_at REAL NOT NULL,
  outcome TEXT NOT NULL,
  transaction_ids TEXT NOT NULL,
  body TEXT NOT NULL,
  write_id INTEGER NOT NULL,
  UNIQUE (ref, digest)
) STRICT;

CREATE INDEX notices_waiting ON notices (scope) WHERE state = 'waiting';

-- Scopes whose changes are handed to an application, and what is not handed over yet.
CREATE TABLE kept_scopes (scope TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;

CREATE TABLE events (
  seq INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  ref TEXT NOT NULL,
  scope TEXT NOT NULL,
  event TEXT NOT NULL,
  owner TEXT NOT NULL DEFAULT '',
  free_at REAL NOT NULL DEFAULT 0,
  attempts INTEGER NOT NULL DEFAULT 0,
  payment TEXT NOT NULL
) STRICT;

CREATE INDEX events_of_payment ON events (ref);
CREATE INDEX events_of_scope ON events (scope);

-- Who asks for an open payment until when; or from when on anybody may again.

CREATE TABLE visits (
  ref TEXT PRIMARY KEY,
  owner TEXT NOT NULL,
  free_at REAL NOT NULL,
  attempts INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

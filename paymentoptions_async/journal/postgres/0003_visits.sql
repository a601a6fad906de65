-- Who asks for an open payment until when; or from when on anybody may again.

CREATE TABLE visits (
  ref text COLLATE "C" PRIMARY KEY,
  owner text NOT NULL,
  free_at double precision NOT NULL,
  attempts bigint NOT NULL,
  claim text NOT NULL  -- of the call that took it last: tells after a lost answer that it was this one
);

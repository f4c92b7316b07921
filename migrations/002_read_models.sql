-- What can be made again from the log: read models, kept level with it in the same transactions, and stored states.

PRAGMA user_version = 2;

-- Which version of each read model's code made its rows.
CREATE TABLE projections (
  name    TEXT PRIMARY KEY,
  version INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- topology: the tree of CIDRs and what is associated, as it is now.
CREATE TABLE cidrs (
  id        INTEGER PRIMARY KEY,
  name      TEXT NOT NULL,
  cidr      TEXT NOT NULL,
  parent_id INTEGER
) STRICT;

CREATE TABLE associations (
  id     INTEGER PRIMARY KEY,
  cidr_a INTEGER NOT NULL,
  cidr_b INTEGER NOT NULL
) STRICT;

-- peers: every peer that ever was, as it is now.
CREATE TABLE peers (
  id             INTEGER PRIMARY KEY,
  name           TEXT NOT NULL,
  ip             TEXT NOT NULL,
  cidr_id        INTEGER NOT NULL,
  public_key     TEXT NOT NULL, -- until redeemed: the invitation's temporary key
  is_admin       INTEGER NOT NULL CHECK (is_admin IN (0, 1)),
  is_disabled    INTEGER NOT NULL CHECK (is_disabled IN (0, 1)),
  is_redeemed    INTEGER NOT NULL CHECK (is_redeemed IN (0, 1)),
  invite_expires TEXT,
  endpoint       TEXT,          -- one that it insists on; the server's: where it is reached
  ended          TEXT CHECK (ended IN ('deleted', 'expired', 'revoked'))
) STRICT;

-- history: who was called what since when, and which events concern whom.
CREATE TABLE names (
  kind          TEXT NOT NULL CHECK (kind IN ('cidr', 'peer')),
  id            INTEGER NOT NULL,
  from_position INTEGER NOT NULL,
  name          TEXT NOT NULL,
  PRIMARY KEY (kind, id, from_position)
) STRICT, WITHOUT ROWID;

CREATE TABLE ends (
  association_id INTEGER PRIMARY KEY, -- also of associations that are gone
  cidr_a         INTEGER NOT NULL,
  cidr_b         INTEGER NOT NULL
) STRICT;

CREATE TABLE mentions (
  kind     TEXT NOT NULL CHECK (kind IN ('association', 'cidr', 'peer')),
  id       INTEGER NOT NULL,
  position INTEGER NOT NULL,
  PRIMARY KEY (kind, id, position)
) STRICT, WITHOUT ROWID;

-- The whole state at a position in pieces, so that saving a big one never holds the lock for long.
CREATE TABLE stored_states (
  position     INTEGER PRIMARY KEY,
  hash         TEXT NOT NULL,
  code_version TEXT NOT NULL,
  sha256       TEXT NOT NULL -- of the pieces put together
) STRICT;

CREATE TABLE stored_state_pieces (
  position INTEGER NOT NULL,
  piece    INTEGER NOT NULL,
  body     BLOB NOT NULL,
  PRIMARY KEY (position, piece)
) STRICT;

-- Routes have names, and events are about them.

PRAGMA user_version = 5;

CREATE TABLE names_5 (
  kind          TEXT NOT NULL CHECK (kind IN ('cidr', 'peer', 'route')),
  id            INTEGER NOT NULL,
  from_position INTEGER NOT NULL,
  name          TEXT NOT NULL,
  PRIMARY KEY (kind, id, from_position)
) STRICT, WITHOUT ROWID;
INSERT INTO names_5 SELECT kind, id, from_position, name FROM names;
DROP TABLE names;
ALTER TABLE names_5 RENAME TO names;

CREATE TABLE mentions_5 (
  kind     TEXT NOT NULL CHECK (kind IN ('association', 'cidr', 'peer', 'route')),
  id       INTEGER NOT NULL,
  position INTEGER NOT NULL,
  PRIMARY KEY (kind, id, position)
) STRICT, WITHOUT ROWID;
INSERT INTO mentions_5 SELECT kind, id, position FROM mentions;
DROP TABLE mentions;
ALTER TABLE mentions_5 RENAME TO mentions;

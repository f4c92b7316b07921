-- The log: nothing in it is ever changed or deleted, and it grows only at its end.

PRAGMA application_id = 0x494e4e4c; -- "INNL"
PRAGMA user_version = 1;

CREATE TABLE events (
  position    INTEGER PRIMARY KEY CHECK (position > 0),
  commit_end  INTEGER NOT NULL CHECK (commit_end >= position), -- last position of the commit it belongs to
  id          TEXT NOT NULL,                                   -- ULID
  command_id  TEXT NOT NULL,
  type        TEXT NOT NULL,
  recorded_at TEXT NOT NULL,                                   -- ISO 8601, UTC, milliseconds
  actor       TEXT NOT NULL CHECK (json_valid(actor)),
  body        TEXT NOT NULL CHECK (json_valid(body)),          -- the very bytes that are sealed
  salt        BLOB NOT NULL CHECK (length(salt) = 16),
  digest      TEXT NOT NULL CHECK (length(digest) = 64),
  hash        TEXT NOT NULL CHECK (length(hash) = 64)
) STRICT;

CREATE TRIGGER events_are_not_updated BEFORE UPDATE ON events
BEGIN SELECT RAISE(ABORT, 'the log is append-only: an event is never changed'); END;

CREATE TRIGGER events_are_not_deleted BEFORE DELETE ON events
BEGIN SELECT RAISE(ABORT, 'the log is append-only: an event is never deleted'); END;

-- INSERT OR REPLACE deletes without asking the trigger above, so what it could replace is refused here.
CREATE TRIGGER events_are_appended BEFORE INSERT ON events
WHEN NEW.position IS NOT (SELECT coalesce(max(position), 0) + 1 FROM events)
BEGIN SELECT RAISE(ABORT, 'the log is append-only: an event comes at the next position'); END;

-- The answer to every command that was carried out, kept for ever, also where nothing was appended.
CREATE TABLE commits (
  actor         TEXT NOT NULL,
  command_id    TEXT NOT NULL,
  digest        TEXT NOT NULL CHECK (length(digest) = 64), -- of the command, to tell a repeat from another one
  from_position INTEGER NOT NULL CHECK (from_position >= 0),
  to_position   INTEGER NOT NULL CHECK (to_position >= from_position),
  PRIMARY KEY (actor, command_id)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER commits_are_not_updated BEFORE UPDATE ON commits
BEGIN SELECT RAISE(ABORT, 'the log is append-only: an answer is never changed'); END;

CREATE TRIGGER commits_are_not_deleted BEFORE DELETE ON commits
BEGIN SELECT RAISE(ABORT, 'the log is append-only: an answer is never deleted'); END;

CREATE TRIGGER commits_are_appended BEFORE INSERT ON commits
WHEN NEW.to_position IS NOT (SELECT coalesce(max(position), 0) FROM events)
  OR EXISTS (SELECT 1 FROM commits WHERE actor = NEW.actor AND command_id = NEW.command_id)
BEGIN SELECT RAISE(ABORT, 'the log is append-only: an answer ends at the head and its command id is new'); END;

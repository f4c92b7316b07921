-- The logs of networks in PostgreSQL: a head for each, its records, and the answers to its commands.

CREATE TABLE innernet_schema (version integer NOT NULL);
INSERT INTO innernet_schema VALUES (1);

-- An append moves the head by comparing it first: this row is where the order of a network's changes is decided.
CREATE TABLE innernet_heads (
  network  text   PRIMARY KEY,
  position bigint NOT NULL CHECK (position >= 0),
  hash     text   NOT NULL CHECK (length(hash) = 64),
  answers  bigint NOT NULL CHECK (answers >= 0), -- how many rows of innernet_commits
  home     text   NOT NULL CHECK (home IN ('moving', 'here', 'file')), -- whether the log is here, or comes, or went back
  timeline text   NOT NULL -- of the database when it was last found whole; it rises with each failover
);

CREATE TABLE innernet_events (
  network     text   NOT NULL,
  position    bigint NOT NULL CHECK (position > 0),
  commit_end  bigint NOT NULL CHECK (commit_end >= position),
  id          text   NOT NULL,
  command_id  text   NOT NULL,
  type        text   NOT NULL,
  recorded_at text   NOT NULL,
  actor       text   NOT NULL,
  body        text   NOT NULL, -- the very bytes that are sealed, so neither json nor jsonb
  salt        bytea  NOT NULL CHECK (length(salt) = 16),
  digest      text   NOT NULL CHECK (length(digest) = 64),
  hash        text   NOT NULL CHECK (length(hash) = 64),
  PRIMARY KEY (network, position)
);

-- By number in the order in which they were given, also those of commands that appended nothing.
CREATE TABLE innernet_commits (
  network       text   NOT NULL,
  number        bigint NOT NULL CHECK (number > 0),
  actor         text   NOT NULL,
  command_id    text   NOT NULL,
  digest        text   NOT NULL CHECK (length(digest) = 64),
  from_position bigint NOT NULL CHECK (from_position >= 0),
  to_position   bigint NOT NULL CHECK (to_position >= from_position),
  PRIMARY KEY (network, actor, command_id),
  UNIQUE (network, number)
);

CREATE FUNCTION innernet_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'the log is append-only: % of % is refused', TG_OP, TG_TABLE_NAME;
END $$;

CREATE TRIGGER innernet_events_stay BEFORE UPDATE OR DELETE ON innernet_events
  FOR EACH ROW EXECUTE FUNCTION innernet_is_append_only();
CREATE TRIGGER innernet_events_are_not_emptied BEFORE TRUNCATE ON innernet_events
  FOR EACH STATEMENT EXECUTE FUNCTION innernet_is_append_only();
CREATE TRIGGER innernet_commits_stay BEFORE UPDATE OR DELETE ON innernet_commits
  FOR EACH ROW EXECUTE FUNCTION innernet_is_append_only();
CREATE TRIGGER innernet_commits_are_not_emptied BEFORE TRUNCATE ON innernet_commits
  FOR EACH STATEMENT EXECUTE FUNCTION innernet_is_append_only();

-- Which server of a network serves it: until when, by the database's clock.
CREATE TABLE innernet_leases (
  network text        PRIMARY KEY,
  holder  text        NOT NULL, -- a machine
  name    text        NOT NULL, -- the same for people
  until   timestamptz NOT NULL,
  others  boolean     NOT NULL  -- whether another machine has ever held it, or waited for it
);

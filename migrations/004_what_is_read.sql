-- What no program reads is gone. Stored states are files beside the log, NET.state.

PRAGMA user_version = 4;

DROP TABLE stored_states;
DROP TABLE stored_state_pieces;

ALTER TABLE peers DROP COLUMN is_admin;
ALTER TABLE peers DROP COLUMN is_redeemed;
ALTER TABLE peers DROP COLUMN invite_expires;
ALTER TABLE peers DROP COLUMN endpoint;
ALTER TABLE cidrs DROP COLUMN parent_id;

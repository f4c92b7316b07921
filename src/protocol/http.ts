/**
 * Where the HTTP API is and how much it takes: paths, header and limits. What goes over it is in files of its own, so
 * that a verb builds the schemas only of what it asks.
 */

/** Every request carries the server's public key here, or gets an empty 401. */
export const SERVER_KEY_HEADER = 'x-innernet-server-key';
/** Largest body that the API reads, in bytes. */
export const MAX_BODY_BYTES = 16 * 1024;

/** POST: the key that an invited peer has made. */
export const REDEEM_PATH = '/v1/user/redeem';
/** POST: an admin's intent. */
export const COMMANDS_PATH = '/v1/admin/commands';
/** POST: undoing by name, for plans that are longer than a body may be. */
export const UNDO_PATH = '/v1/admin/undo';
/** The network as an admin may see it, at one position. */
export const NETWORK_PATH = '/v1/admin/network';
/** POST: a question; open to every peer that has joined, who is told about itself, and to admins, who are told all. */
export const PAST_PATH = '/v1/user/past';
/** Path of the stream; query: `position`, `hash`, `boot`, `sequence`, and `state=none` for a newcomer. */
export const STREAM_PATH = '/v1/user/stream';
/** Path of the snapshot; query: `position`, `hash` of what the client already has of the chain. */
export const SNAPSHOT_PATH = '/v1/user/snapshot';
/** Path of the chain's digests, a page at a time; query: `position`, after which they start. */
export const DIGESTS_PATH = '/v1/user/digests';
/** Digests in one page, and in a snapshot. */
export const MAX_DIGESTS = 5000;

/** Statuses with which a server answers before it has read a call whole: they are never proved, and say "later". */
export const BEFORE_READING: readonly number[] = [408, 429, 431];

/** Paths, header and limits of the HTTP API, without schemas, which a verb loads only as needed. */

/** Each request carries the server's public key here; without it the answer is an empty 401. */
export const SERVER_KEY_HEADER = 'x-innernet-server-key';
export const MAX_BODY_BYTES = 16 * 1024;

/** POST: an invited peer's new key. */
export const REDEEM_PATH = '/v1/user/redeem';
/** POST: an admin's command. */
export const COMMANDS_PATH = '/v1/admin/commands';
/** POST: undo by name, for plans longer than a body may be. */
export const UNDO_PATH = '/v1/admin/undo';
/** The network as an admin sees it, at one position. */
export const NETWORK_PATH = '/v1/admin/network';
/** POST: an admin looks which ways packets take. */
export const LOOK_PATH = '/v1/admin/look';
/** POST: a question. Admins get every answer, other joined peers those about themselves. */
export const PAST_PATH = '/v1/user/past';
/** Query: `position`, `hash`, `boot`, `sequence`, and `state=none` for a newcomer. */
export const STREAM_PATH = '/v1/user/stream';
/** Query: `position`, `hash` of the client's head. */
export const SNAPSHOT_PATH = '/v1/user/snapshot';
/** Query: `position` to start after. */
export const DIGESTS_PATH = '/v1/user/digests';
/** Digests in one page, and in a snapshot. */
export const MAX_DIGESTS = 5000;

/** Sent before a call is read whole: never proved; they mean "later". */
export const BEFORE_READING: readonly number[] = [408, 429, 431];

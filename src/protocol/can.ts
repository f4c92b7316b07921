/** Names of a program's abilities beyond the first protocol; features add names, never versions. */
import * as z from 'zod';

const NAME = /^[a-z][a-z0-9-]{0,31}$/;

/** Unknown names are ignored. */
export const Can = z.array(z.string().regex(NAME)).max(64);
export type Can = z.infer<typeof Can>;

/**
 * `proof`: calls, answers and streams are proved by key. `relay`: the frames about relays. `peer-relay`: those by which
 * a peer's machine becomes one. `routes`: those between the server and a router's machine.
 */
export const CAN: readonly string[] = ['proof', 'relay', 'peer-relay', 'routes'];

/** The frames about relays. A program that does not say it gets none: an older one knows no such frame. */
export const RELAY = 'relay';

/** Said by a client alone, while nftables works on its machine: it keeps peers to what they may begin. */
export const LIMITS = 'limits';
/** The frames between the server and a relay on a peer's machine. */
export const PEER_RELAY = 'peer-relay';

/** The frames between the server and a machine that carries routes. */
export const ROUTES = 'routes';

/** Said by a client: it sends to a plain peer, such as a phone, through its router. */
export const PLAIN = 'plain';

/** The names with commas, for a stream's query. */
export const canText = (names: readonly string[]): string => names.join(',');

/** What a client says. */
export const clientCan = (canLimit: boolean): string =>
  canText([...CAN, PLAIN, ...(canLimit ? [LIMITS] : [])]);

/** Whether a stream's query names it. */
export const saysCan = (text: string | undefined, name: string): boolean =>
  text?.split(',').includes(name) ?? false;

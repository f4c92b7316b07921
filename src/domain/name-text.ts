/** A name from the log within a sentence: an imported one may hold what would move a cursor or turn text around. */
import { isHostname } from '../values/name.ts';
import { printable } from './rejection.ts';

/** A strict name as it is; any other in quotes, so that its end is seen, with everything escaped that would not show. */
export const nameText = (name: string): string =>
  isHostname(name) ? name : `"${printable(name.replace(/["\\]/g, '\\$&'))}"`;

/** A name from the log within a sentence: an imported one may hold control or direction characters. */
import { isHostname } from '../values/name.ts';
import { printable } from './rejection.ts';

/** A strict name as it is; any other quoted, with invisible characters escaped. */
export const nameText = (name: string): string =>
  isHostname(name) ? name : `"${printable(name.replace(/["\\]/g, '\\$&'))}"`;

/** The verb head: where the log ends, in a form to be read out or kept elsewhere, as a witness to later checks. */
import type { Hash, Position } from '../values/id.ts';
import type { Past } from './plane.ts';
import { answer, answerJson } from './print.ts';

/** Digits of a hash that are kept: 128 bits, as much as nobody can forge two histories for. */
const DIGITS = 32;

/** `42:7f3a-91c2-…`: position and the first half of the hash, in groups of four. */
export const shortHead = ({ position, hash }: { position: Position; hash: Hash }): string =>
  `${position}:${hash.slice(0, DIGITS).replace(/(.{4})(?=.)/g, '$1-')}`;

export const head = async (past: Past, { json }: { json?: true }): Promise<void> => {
  const found = await past.ask({ ask: 'head' });
  if (json) answerJson({ ...found, short: shortHead(found) });
  else answer(shortHead(found));
};

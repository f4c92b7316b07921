/** A head as text, `42:7f3a-91c2-…`: the position and at least the hash's first digits. */
import * as z from 'zod';
import type { Hash, Position } from '../values/id.ts';

/** 128 bits: too many for two histories to share. */
const DIGITS = 32;

/** `42:7f3a-91c2-d4e5-f607-1122-3344-5566-7788`: short enough to read aloud. */
export const shortHead = ({ position, hash }: { position: Position; hash: Hash }): string =>
  `${position}:${hash.slice(0, DIGITS).replace(/(.{4})(?=.)/g, '$1-')}`;

export type NotedHead = {
  position: Position;
  /** The first digits of the hash, at least 16. */
  digits: string;
};

const FORM = 'a noted head is POSITION:HASH as "head" prints it, with 16 to 64 digits of the hash';

/** Parses a noted head; ignores hyphens, spaces and case of the hash. */
export const NotedHead = z.string().transform((text, context): NotedHead => {
  const [, position = '', rest = ''] = /^\s*(\d{1,15})\s*:([\s\S]*)$/.exec(text) ?? [];
  const digits = rest.replace(/[-\s]/g, '').toLowerCase();
  if (position !== '' && /^[0-9a-f]{16,64}$/.test(digits)) return { position: Number(position), digits };
  context.addIssue({ code: 'custom', message: FORM });
  return z.NEVER;
});

/** Whether a hash is the one that was noted. */
export const isAsNoted = ({ digits }: NotedHead, hash: Hash): boolean => hash.startsWith(digits);

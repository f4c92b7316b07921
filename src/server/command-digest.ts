/** The digest by which a repeated command is known to be the same one. */
import { createHash } from 'node:crypto';
import type { Command } from '../domain/command.ts';
import type { Hash } from '../values/id.ts';

/** JSON with sorted keys, so that the order in which a caller wrote its fields does not matter. */
const canonical = (value: unknown): string =>
  JSON.stringify(value, (_key, inner: unknown) =>
    inner !== null && typeof inner === 'object' && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );

export const digestOfCommand = (command: Command): Hash =>
  createHash('sha256').update(canonical(command)).digest('hex') as Hash;

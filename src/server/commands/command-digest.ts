/** The digest that identifies a repeated command. */

import type { Command } from '../../domain/command.ts';
import { sha256Text } from '../../machine/sha256.ts';
import type { Hash } from '../../values/id.ts';

/** The order of a caller's fields must not matter. */
const canonical = (value: unknown): string => JSON.stringify(sorted(value));

const sorted = (value: unknown): unknown => {
  if (value === null || typeof value !== 'object') return value;
  if (Array.isArray(value)) return value.map(sorted);
  const copy: Record<string, unknown> = {};
  for (const key of Object.keys(value).sort()) copy[key] = sorted((value as Record<string, unknown>)[key]);
  return copy;
};

export const digestOfCommand = (command: Command): Hash => sha256Text(canonical(command));

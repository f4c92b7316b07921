/** Names of a program's abilities beyond the first protocol; features add names, never versions. */
import * as z from 'zod';

const NAME = /^[a-z][a-z0-9-]{0,31}$/;

/** Unknown names are ignored. */
export const Can = z.array(z.string().regex(NAME)).max(64);
export type Can = z.infer<typeof Can>;

/** `proof`: calls, answers and streams are proved by key. */
export const CAN: readonly string[] = ['proof'];

/** The names with commas, for a stream's query. */
export const canText = (names: readonly string[]): string => names.join(',');

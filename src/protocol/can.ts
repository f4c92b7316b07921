/** What a program can do beyond the first protocol, by name: later features add names, and never versions. */
import * as z from 'zod';

const NAME = /^[a-z][a-z0-9-]{0,31}$/;

/** Names that the other side does not know mean nothing to it. */
export const Can = z.array(z.string().regex(NAME)).max(64);
export type Can = z.infer<typeof Can>;

/** What these programs can. `proof`: calls, answers and streams are proved by key. */
export const CAN: readonly string[] = ['proof'];

/** As a stream's query names them: with commas between them. */
export const canText = (names: readonly string[]): string => names.join(',');

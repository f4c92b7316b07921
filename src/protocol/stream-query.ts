/** The query of a client's stream, parsed leniently: nonsense leads to a snapshot. */
import * as z from 'zod';
import { Hash, type Position } from '../values/id.ts';

const number = z.coerce.number().int().nonnegative().max(Number.MAX_SAFE_INTEGER);

const Query = z.object({
  position: number.optional().catch(undefined),
  hash: Hash.optional().catch(undefined),
  boot: z.string().max(64).optional().catch(undefined),
  sequence: number.optional().catch(undefined),
  /** `none`: the client knows a head from its invitation, but no rows. */
  state: z.literal('none').optional().catch(undefined),
  /** Comma-separated names. */
  can: z.string().max(4096).optional().catch(undefined),
});

export type StreamQuery = {
  position?: Position | undefined;
  hash?: Hash | undefined;
  boot?: string | undefined;
  sequence?: number | undefined;
  state?: 'none' | undefined;
  can?: string | undefined;
};

export const streamQuery = (params: URLSearchParams): StreamQuery => Query.parse(Object.fromEntries(params));

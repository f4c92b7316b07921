/** Messages between the programs of two peers, through their tunnel: what they agree on for a change of way. */
import * as z from 'zod';
import { Index } from '../../protocol/frames.ts';
import { PeerId } from '../../values/id.ts';

/** 16 random bytes in base64url: shows that a probe comes from the peer that was told it. */
export const Token = z.string().regex(/^[\w-]{22}$/);
export type Token = z.infer<typeof Token>;

export const WayMessage = z.discriminatedUnion('do', [
  /** Try the direct way: probes to me carry this token. */
  z.object({ do: z.literal('try'), token: Token }),
  z.object({ do: z.literal('ready'), token: Token }),
  /** The probe with this number came back in the trial with this token: change now. */
  z.object({ do: z.literal('go'), token: Token, probe: z.number().int().min(0).max(255) }),
  z.object({ do: z.literal('ping'), token: Token }),
  z.object({ do: z.literal('pong'), token: Token }),
]);
export type WayMessage = z.infer<typeof WayMessage>;

export const TalkMessage = z.discriminatedUnion('do', [
  ...WayMessage.options,
  /** To a relay: by which index do I receive in my newest session with that peer through you? */
  z.object({ do: z.literal('index-of'), peer: PeerId }),
  /** Null: it knows none. */
  z.object({ do: z.literal('index'), peer: PeerId, index: Index.nullable() }),
]);
export type TalkMessage = z.infer<typeof TalkMessage>;

/** Messages between programs through the tunnel, by UDP: peers agree on a change of way, the server says that it has no stream. */
import * as z from 'zod';
import { PeerId } from '../values/id.ts';
import { Index } from './frames.ts';

/** At each peer's network address; below the ports that systems give to programs. */
export const TALK_PORT = 27_182;
const MAX_CHARACTERS = 512;

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

export const PeerMessage = z.discriminatedUnion('do', [
  ...WayMessage.options,
  /** To a relay: by which index do I receive in my newest session with that peer through you? */
  z.object({ do: z.literal('index-of'), peer: PeerId }),
  /** Null: it knows none. */
  z.object({ do: z.literal('index'), peer: PeerId, index: Index.nullable() }),
]);
export type PeerMessage = z.infer<typeof PeerMessage>;

/** Of the server: you have shaken hands with me, and no stream of yours is here. A stream that you hold is of a server before. */
export const ServerMessage = z.object({ do: z.literal('no-stream') });
export type ServerMessage = z.infer<typeof ServerMessage>;

/** Undefined for another version's word. */
export const messageIn = <M>(schema: z.ZodType<M>, text: string): M | undefined => {
  if (text.length > MAX_CHARACTERS) return undefined;
  try {
    return schema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
};

/** Who did it: sealed into every record, and half of what makes a command's id unique. */
import * as z from 'zod';
import { PeerId } from '../values/id.ts';

export const Actor = z.discriminatedUnion('kind', [
  /** Somebody at the server's command line: the uid that ran it and, through sudo, the login name. */
  z.object({ kind: z.literal('operator'), uid: z.number().int(), user: z.string().max(255).optional() }),
  /** A peer, known by its tunnel address. */
  z.object({ kind: z.literal('peer'), peerId: PeerId }),
  /** The running server itself: the timer that ends invitations. */
  z.object({ kind: z.literal('server') }),
]);
export type Actor = z.infer<typeof Actor>;

/** The peer that acted; undefined where no peer did. */
export const actingPeer = (actor: Actor): PeerId | undefined => {
  switch (actor.kind) {
    case 'peer':
      return actor.peerId;
    case 'operator':
    case 'server':
      return undefined;
  }
};

/** The JSON text that is sealed, with its keys in a fixed order. */
export const actorText = (actor: Actor): string => {
  switch (actor.kind) {
    case 'operator':
      return JSON.stringify({
        kind: actor.kind,
        uid: actor.uid,
        ...(actor.user ? { user: actor.user } : {}),
      });
    case 'peer':
      return JSON.stringify({ kind: actor.kind, peerId: actor.peerId });
    case 'server':
      return JSON.stringify({ kind: actor.kind });
  }
};

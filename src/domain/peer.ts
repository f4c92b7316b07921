/** A peer: the one list of its fields. Views pick from it and extend it, comparers are made from it. */
import * as z from 'zod';
import { Endpoint } from '../values/endpoint.ts';
import { CidrId, PeerId } from '../values/id.ts';
import { Ip } from '../values/ip.ts';
import { PublicKey } from '../values/key.ts';
import { RecordedName } from '../values/name.ts';
import { Timestamp } from '../values/time.ts';

/** What a peer is shown of another: one that has joined and is enabled, nobody is shown any other. */
export const ShownPeer = z.object({
  id: PeerId,
  name: RecordedName,
  ip: Ip,
  cidrId: CidrId,
  /** Until redeemed: the invitation's temporary key. */
  publicKey: PublicKey,
  isAdmin: z.boolean(),
  /**
   * The endpoint that the peer insists on; an all-zero host means "as the server sees me, but with this port". For the
   * server's peer, where the server is reached.
   */
  endpoint: Endpoint.nullable(),
  /** Enabled by somebody since the last restored backup: what a backup alone brings back is not enough for clients. */
  isVouchedFor: z.literal(true).optional(),
  /** When its time is over; absent: never. */
  expires: Timestamp.optional(),
});
export type ShownPeer = z.infer<typeof ShownPeer>;

/** All of it, for admins and the rules. */
export const Peer = ShownPeer.extend({
  isDisabled: z.boolean(),
  isRedeemed: z.boolean(),
  inviteExpires: Timestamp.nullable(),
  /** It needs no proof by its key, whatever the network requires. */
  isProofWaived: z.literal(true).optional(),
  /** Its key has proved itself at least once. */
  hasProved: z.literal(true).optional(),
});

/** A machine. Never changed in place: a change puts a new object in its stead, so a reader may keep the old one. */
export type Peer = Readonly<z.infer<typeof Peer>>;

/** A table with an entry for each field, the optional ones too. */
export type EachField<Row, Entry> = { readonly [F in keyof Row]-?: Entry };

/** A type for the rest of an object of which each field was named: a new one does not fit. */
export type Nothing = { readonly [field: string]: never };

type Plain = string | number | boolean | null | undefined;

const fieldsOf = <S extends z.ZodRawShape>({ shape }: z.ZodObject<S>) =>
  Object.keys(shape) as (keyof S & string)[];

const sameIn =
  <F extends string>(fields: readonly F[]) =>
  (left: { readonly [K in F]?: Plain }, right: { readonly [K in F]?: Plain }): boolean =>
    fields.every((field) => left[field] === right[field]);

export const SHOWN_FIELDS = fieldsOf(ShownPeer);
export const PEER_FIELDS = fieldsOf(Peer);

/** Whether other peers are shown the same of both. */
export const looksSame = sameIn(SHOWN_FIELDS);

/** What other peers are shown of one. */
export const shownOf = (peer: Peer): ShownPeer =>
  Object.fromEntries(
    SHOWN_FIELDS.filter((field) => peer[field] !== undefined).map((field) => [field, peer[field]]),
  ) as ShownPeer;

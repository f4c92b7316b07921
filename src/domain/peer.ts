/** A peer: the one list of its fields. Views pick from it and extend it, comparers are made from it. */
import * as z from 'zod';
import { Endpoint } from '../values/endpoint.ts';
import { CidrId, PeerId } from '../values/id.ts';
import { Ip } from '../values/ip.ts';
import { PublicKey } from '../values/key.ts';
import { RecordedName } from '../values/name.ts';
import { Timestamp } from '../values/time.ts';

/** The part of a peer that other peers see; only joined, enabled peers are shown. */
export const ShownPeer = z.object({
  id: PeerId,
  name: RecordedName,
  ip: Ip,
  cidrId: CidrId,
  /** Until redeemed, the invitation's temporary key. */
  publicKey: PublicKey,
  isAdmin: z.boolean(),
  /**
   * The endpoint that the peer insists on; an all-zero host means "as the server sees me, but with this
   * port". For the server's peer, its outside endpoint.
   */
  endpoint: Endpoint.nullable(),
  /** An admin enabled it since the last restored backup; clients do not take the backup's word alone. */
  isVouchedFor: z.literal(true).optional(),
  /** When the peer expires; absent: never. */
  expires: Timestamp.optional(),
});
export type ShownPeer = z.infer<typeof ShownPeer>;

/** The whole row, for admins and the rules. */
export const Peer = ShownPeer.extend({
  isDisabled: z.boolean(),
  isRedeemed: z.boolean(),
  inviteExpires: Timestamp.nullable(),
  /** The peer needs no proof by its key, whatever the network requires. */
  isProofWaived: z.literal(true).optional(),
  hasProved: z.literal(true).optional(),
});

/** A machine. Immutable: a change makes a new object, so a reader may keep the old one. */
export type Peer = Readonly<z.infer<typeof Peer>>;

/** A table with an entry for each field, optional ones included. */
export type EachField<Row, Entry> = { readonly [F in keyof Row]-?: Entry };

/** The type of the rest after all fields are named, so that a new field does not compile. */
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

/** Whether both look the same to other peers. */
export const looksSame = sameIn(SHOWN_FIELDS);

/** The part of a peer that other peers see. */
export const shownOf = (peer: Peer): ShownPeer =>
  Object.fromEntries(
    SHOWN_FIELDS.filter((field) => peer[field] !== undefined).map((field) => [field, peer[field]]),
  ) as ShownPeer;

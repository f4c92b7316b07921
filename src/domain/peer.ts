/** A peer: the one list of its fields, from which views and comparers are made. */
import * as z from 'zod';
import { Endpoint, Port } from '../values/endpoint.ts';
import { CidrId, PeerId } from '../values/id.ts';
import { Ip } from '../values/ip.ts';
import { PublicKey } from '../values/key.ts';
import { RecordedName } from '../values/name.ts';
import { SigningKey } from '../values/signing-key.ts';
import { Timestamp } from '../values/time.ts';

/** The fields that other peers see; only joined, enabled peers are shown. */
export const ShownPeer = z.object({
  id: PeerId,
  name: RecordedName,
  ip: Ip,
  cidrId: CidrId,
  /** Until redeemed, the invitation's. */
  publicKey: PublicKey,
  isAdmin: z.boolean(),
  /**
   * Set by hand; an all-zero host means "as the server sees me, but with this port". For the server, its
   * outside endpoint.
   */
  endpoint: Endpoint.nullable(),
  /** Enabled since the last restored backup; clients do not trust the backup alone. */
  isVouchedFor: z.literal(true).optional(),
  /** Absent: never. */
  expires: Timestamp.optional(),
  /** A plain WireGuard peer, such as a phone: its router passes its packets. Absent: it runs our program or 2.0's. */
  via: PeerId.optional(),
});
export type ShownPeer = z.infer<typeof ShownPeer>;

export const Peer = ShownPeer.extend({
  isDisabled: z.boolean(),
  isRedeemed: z.boolean(),
  inviteExpires: Timestamp.nullable(),
  /** Whatever the network requires. */
  isProofWaived: z.literal(true).optional(),
  hasProved: z.literal(true).optional(),
  /** Whether its program keeps to limits; absent: an older program, or nobody has asked. */
  limits: z.boolean().optional(),
  /** Of UDP, at which it passes packets of others; absent: it is no relay. */
  relayPort: Port.optional(),
  /** Where that is reached, unless at the host where it is seen. */
  relayEndpoint: Endpoint.optional(),
  /** Its machine may follow the whole log, and take over from the server's. */
  isStandby: z.literal(true).optional(),
  /** With which it signs; absent: it joined by an older program, or is a phone. */
  signingKey: SigningKey.optional(),
});

/** Immutable: a change makes a new object. */
export type Peer = Readonly<z.infer<typeof Peer>>;

/** It follows nothing: no program of ours or of innernet 2.0 runs there. */
export const isPlain = (peer: { readonly via?: PeerId | undefined } | undefined): boolean =>
  peer?.via !== undefined;

/** An entry for each field, optional ones included. */
export type EachField<Row, Entry> = { readonly [F in keyof Row]-?: Entry };

/** Typed so that a field left out does not compile. */
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

/** The HTTP shapes of innernet 2.0, field for field as in its Rust programs. */
import * as z from 'zod';
import { Endpoint, SocketAddress } from '../values/endpoint.ts';
import { PublicKey } from '../values/key.ts';
import { SigningKey } from '../values/signing-key.ts';
import { Can } from './can.ts';

/** Rust's SystemTime as serde writes it. */
export const SystemTime = z.object({
  /** Up to the end of the year 9999. */
  secs_since_epoch: z.number().int().nonnegative().max(253_402_300_799),
  nanos_since_epoch: z.number().int().nonnegative().max(999_999_999),
});

/** A peer without its id, for POST and PUT. */
export const PeerContents = z.object({
  name: z.string(),
  ip: z.string(),
  cidr_id: z.number().int(),
  public_key: z.string(),
  endpoint: z.string().nullish(),
  persistent_keepalive_interval: z.number().int().nullish(),
  is_admin: z.boolean(),
  is_disabled: z.boolean(),
  is_redeemed: z.boolean(),
  invite_expires: SystemTime.nullish(),
  candidates: z.array(z.string()).default([]),
});
export type PeerContents = z.infer<typeof PeerContents>;

export const V1Peer = PeerContents.extend({ id: z.number().int() });
export type V1Peer = z.infer<typeof V1Peer>;

export const CidrContents = z.object({
  name: z.string(),
  cidr: z.string(),
  parent: z.number().int().nullish(),
});
export type CidrContents = z.infer<typeof CidrContents>;

export const V1Cidr = CidrContents.extend({ id: z.number().int() });
export type V1Cidr = z.infer<typeof V1Cidr>;

export const AssociationContents = z.object({ cidr_id_1: z.number().int(), cidr_id_2: z.number().int() });
export type AssociationContents = z.infer<typeof AssociationContents>;

export const V1Association = AssociationContents.extend({ id: z.number().int() });
export type V1Association = z.infer<typeof V1Association>;

export const State = z.object({ peers: z.array(V1Peer), cidrs: z.array(V1Cidr) });
export type State = z.infer<typeof State>;

/** innernet 2.0 hands no `signing_key` in. */
export const Redeem = z.object({ public_key: PublicKey, signing_key: SigningKey.optional() });

export const EndpointChange = z.discriminatedUnion('option', [
  z.object({ option: z.literal('Set'), content: Endpoint }),
  z.object({ option: z.literal('Unset') }),
]);

export const CandidateList = z.array(SocketAddress);

/** Old clients ignore extra fields; `stream`, `commands` and `can` are for ours. */
export const Capabilities = z.object({
  unspecified_ip_in_override_endpoint: z.boolean(),
  stream: z.boolean().optional(),
  commands: z.boolean().optional(),
  can: Can.optional(),
  /** Whether the asking peer must prove its requests by key. */
  proof_required: z.boolean().optional(),
  /** Milliseconds since 1970. */
  now: z.number().int().positive().optional(),
});
export type Capabilities = z.infer<typeof Capabilities>;

/** Ids, positions in the log, and hashes. */
import * as z from 'zod';

/** Ids begin at 1 and are never reused within a network. */
const id = z.number().int().positive().max(Number.MAX_SAFE_INTEGER);

export const PeerId = id.brand<'PeerId'>();
export type PeerId = z.infer<typeof PeerId>;

export const CidrId = id.brand<'CidrId'>();
export type CidrId = z.infer<typeof CidrId>;

export const AssociationId = id.brand<'AssociationId'>();
export type AssociationId = z.infer<typeof AssociationId>;

export const RouteId = id.brand<'RouteId'>();
export type RouteId = z.infer<typeof RouteId>;

/** 1, 2, 3 … without gaps; 0 is before the first record. */
export const Position = z.number().int().nonnegative().max(Number.MAX_SAFE_INTEGER);
export type Position = z.infer<typeof Position>;

/** Count of the times that a standby has taken over. */
export const Epoch = z.number().int().positive().max(Number.MAX_SAFE_INTEGER);
export type Epoch = z.infer<typeof Epoch>;

/** SHA-256 in 64 lower-case hexadecimal digits. */
export const Hash = z
  .string()
  .regex(/^[0-9a-f]{64}$/, 'a hash is 64 lower-case hexadecimal digits')
  .brand<'Hash'>();
export type Hash = z.infer<typeof Hash>;

/** The chain's value before the first record. */
export const NO_HASH = '0'.repeat(64) as Hash;

/** Ids from every network's first commit. */
export const SERVER_PEER = 1 as PeerId;
export const ROOT_CIDR = 1 as CidrId;
export const SERVER_CIDR = 2 as CidrId;
export const SERVER_NAME = 'innernet-server';

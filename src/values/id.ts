/** Numbers that name things: peers, CIDRs and associations by id, commits by their position in the log. */
import * as z from 'zod';

/** A whole number from 1, never used twice within a network. */
const id = z.number().int().positive().max(Number.MAX_SAFE_INTEGER);

export const PeerId = id.brand<'PeerId'>();
export type PeerId = z.infer<typeof PeerId>;

export const CidrId = id.brand<'CidrId'>();
export type CidrId = z.infer<typeof CidrId>;

export const AssociationId = id.brand<'AssociationId'>();
export type AssociationId = z.infer<typeof AssociationId>;

/** The place of a record in the log: 1, 2, 3 … without gaps; 0 is the place before the first. */
export const Position = z.number().int().nonnegative().max(Number.MAX_SAFE_INTEGER);
export type Position = z.infer<typeof Position>;

/** SHA-256 in lower-case hexadecimal, 64 characters: a digest, a link of the chain, a network's id. */
export const Hash = z
  .string()
  .regex(/^[0-9a-f]{64}$/, 'a hash is 64 lower-case hexadecimal digits')
  .brand<'Hash'>();
export type Hash = z.infer<typeof Hash>;

/** The chain's value before the first record. */
export const NO_HASH = '0'.repeat(64) as Hash;

/** The peer and the CIDRs that every network has from its first commit. */
export const SERVER_PEER = 1 as PeerId;
export const ROOT_CIDR = 1 as CidrId;
export const SERVER_CIDR = 2 as CidrId;
/** The name of both the server's peer and the server's CIDR. */
export const SERVER_NAME = 'innernet-server';

/** What an admin signs: the bodies of one commit, each on the state of the one thing that it changes. */
import * as z from 'zod';
import { preimage } from '../events/preimage.ts';
import { fromHex, type Sha256 } from '../events/record.ts';
import { Hash, NO_HASH, Position } from '../values/id.ts';
import { Signature } from '../values/signing-key.ts';

/** A neighbour on the way from a leaf to the root: on the left or on the right of it. */
const Step = z.string().regex(/^[LR][0-9a-f]{64}$/, 'a step is L or R and a hash');

/** A commit has at most 2^32 bodies. */
const MAX_STEPS = 32;

/** The last field of a signed body. */
export const Statement = z.object({
  /** The number of an admin's key; 0: the invitation's own. */
  key: z.number().int().nonnegative(),
  /** A head that the signer had verified: worthless on a log without it. */
  seen: z.tuple([Position, Hash]),
  /** By the signer's clock, in milliseconds since 1970. */
  issued: z.number().int().nonnegative(),
  /** Bodies under this signature. */
  of: z.number().int().positive(),
  /** From this body's leaf to the root; absent for one body. */
  path: z.array(Step).max(MAX_STEPS).optional(),
  /** How often the thing has been signed once the whole commit is taken: until then nothing of it is applied. */
  last: z.number().int().positive(),
  /** The first 16 digits of the state that it stands on: tells a forged body from one after a body that was kept back. */
  on: z.string().regex(/^[0-9a-f]{16}$/),
  sig: Signature,
});
export type Statement = z.infer<typeof Statement>;

const FIELD = '"signed":';

/**
 * The text of a body without its last field `signed`. Within a JSON string a quote has a backslash in front, so the field's name
 * cannot occur there.
 */
export const bareOf = (body: string): string => {
  const at = body.lastIndexOf(FIELD);
  return at < 0 ? body : `${body.slice(0, body[at - 1] === ',' ? at - 1 : at)}}`;
};

/** The text of a signed body: `bare` with the statement as its last field. */
export const signedBody = (bare: string, statement: Statement): string =>
  `${bare.slice(0, -1)}${bare === '{}' ? '' : ','}${FIELD}${JSON.stringify(statement)}}`;

/** First bytes of what is hashed, so that no leaf can be taken for a node, nor either for a state. */
const LEAF = 0;
const NODE = 1;

export type Leaf = { type: string; bare: string; before: Hash; last: number };

/** SHA-256(u8 0 ‖ network id ‖ T(type) ‖ T(bare body) ‖ state before ‖ u64 last). */
export const leafHash = (networkId: Hash, { type, bare, before, last }: Leaf, sha256: Sha256): Hash =>
  sha256(preimage({ u8: LEAF }, fromHex(networkId), type, bare, fromHex(before), { u64: last }));

const nodeHash = (left: Hash, right: Hash, sha256: Sha256): Hash =>
  sha256(preimage({ u8: NODE }, fromHex(left), fromHex(right)));

/** One level of the tree up: a leaf without a neighbour goes up as it is (the shape of RFC 6962). */
const above = (level: readonly Hash[], sha256: Sha256): Hash[] =>
  level.flatMap((hash, at) => {
    if (at % 2 === 1) return [];
    const right = level[at + 1];
    return [right === undefined ? hash : nodeHash(hash, right, sha256)];
  });

/** The root over leaves in their order. */
export const rootOf = (leaves: readonly Hash[], sha256: Sha256): Hash => {
  let level = leaves;
  while (level.length > 1) level = above(level, sha256);
  return level[0] ?? NO_HASH;
};

/** The neighbours from the leaf at `index` to the root. */
export const pathOf = (leaves: readonly Hash[], index: number, sha256: Sha256): string[] => {
  const steps: string[] = [];
  let [level, at] = [leaves, index];
  while (level.length > 1) {
    const neighbour = level[at ^ 1];
    if (neighbour !== undefined) steps.push(`${at % 2 === 0 ? 'R' : 'L'}${neighbour}`);
    [level, at] = [above(level, sha256), at >> 1];
  }
  return steps;
};

/** The root to which a leaf leads by its path. */
export const rootBy = (leaf: Hash, path: readonly string[], sha256: Sha256): Hash =>
  path.reduce<Hash>((hash, step) => {
    const neighbour = step.slice(1) as Hash;
    return step.startsWith('L') ? nodeHash(neighbour, hash, sha256) : nodeHash(hash, neighbour, sha256);
  }, leaf);

const utf8 = new TextEncoder();

/** Names what is signed, so that no other use of the key can be taken for it. */
const TITLE = utf8.encode('innernet authority 1\0');

/** The signed bytes: title ‖ network id ‖ u64 seen position ‖ u64 issued ‖ u32 bodies ‖ hash at seen ‖ root. */
export const messageOf = (
  networkId: Hash,
  { seen: [position, hash], issued, of }: Pick<Statement, 'seen' | 'issued' | 'of'>,
  root: Hash,
): Uint8Array =>
  preimage(
    TITLE,
    fromHex(networkId),
    { u64: position },
    { u64: issued },
    { u32: of },
    fromHex(hash),
    fromHex(root),
  );

/** Finds a free block of addresses for a new CIDR of peers. */
import { type CidrId, ROOT_CIDR } from '../values/id.ts';
import { addressOf, type Cidr, familyOf, fromNumber, overlaps, prefixOf, toNumber } from '../values/ip.ts';

/** 256 addresses, where the network is wide enough. */
const HOST_BITS = 8;
const MAX_TRIES = 4096;

type Blocks = { cidrs: readonly { id: CidrId; cidr: string }[] };

/** The lowest block of that size clear of all CIDRs; undefined: none found. */
export const freeBlock = ({ cidrs }: Blocks): Cidr | undefined => {
  const root = cidrs.find(({ id }) => id === ROOT_CIDR)?.cidr as Cidr | undefined;
  if (root === undefined) return undefined;
  const family = familyOf(root);
  const bits = Math.min(HOST_BITS, (family === 4 ? 32 : 128) - prefixOf(root) - 1);
  if (bits < 2) return undefined;
  const prefix = (family === 4 ? 32 : 128) - bits;
  const first = toNumber(addressOf(root));
  const count = Math.min(MAX_TRIES, 2 ** (prefix - prefixOf(root)));
  const taken = cidrs.filter(({ id }) => id !== ROOT_CIDR).map(({ cidr }) => cidr as Cidr);
  for (let at = 0; at < count; at += 1) {
    const block = `${fromNumber(first + (BigInt(at) << BigInt(bits)), family)}/${prefix}` as Cidr;
    if (!taken.some((cidr) => overlaps(cidr, block))) return block;
  }
  return undefined;
};

/** The hint where no CIDR can hold peers. */
export const waysToAddCidr = (view: Blocks): { hint: string; verb: string } => ({
  hint: 'add one first',
  verb: `add-cidr people ${freeBlock(view) ?? 'BLOCK'}`,
});

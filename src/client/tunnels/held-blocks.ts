/** Why a block that the server shows is not taken: it is public, or something of this machine's own is in it. No I/O. */
import {
  type Cidr,
  containsCidr,
  containsIp,
  type Family,
  familyOf,
  type Ip,
  overlaps,
  prefixOf,
} from '../../values/ip.ts';
import { isPrivateRange } from '../../values/reserved.ts';

/** What this machine must go on reaching outside the tunnel. */
export type Surroundings = {
  /** Networks and addresses of other interfaces. */
  connected: readonly { cidr: Cidr; device: string }[];
  /** Routes of other interfaces, by a gateway. */
  routed: readonly { cidr: Cidr; device: string }[];
  /** Hosts by what they are: `the gateway`, `the resolver`, `the server`. */
  hosts: readonly { what: string; ip: Ip }[];
};

export type Ground = {
  /** The network's range. */
  range: Cidr;
  /** Blocks that this machine's conf names. */
  accepts: readonly Cidr[];
};

/** A wider block would be much more than anybody's LAN. */
const WIDEST: { readonly [F in Family]: number } = { 4: 8, 6: 16 };

export const isDefault = (block: Cidr): boolean => prefixOf(block) === 0;

/** Undefined: it may be taken. A default route is not asked for here. */
export const heldReason = (block: Cidr, ground: Ground, around: Surroundings): string | undefined =>
  outOfBounds(block, ground) ?? inTheWay(block, around);

/** By the rule alone, wherever this machine is. */
const outOfBounds = (block: Cidr, { range, accepts }: Ground): string | undefined => {
  if (familyOf(block) !== familyOf(range)) return `the network has no IPv${familyOf(block)} addresses`;
  if (overlaps(block, range)) return `it overlaps the network's own range ${range}`;
  if (accepts.some((accepted) => containsCidr(accepted, block))) return undefined;
  const hint = 'this machine takes it only if its conf names it in accept-route';
  if (!isPrivateRange(block)) return `it is not private: ${hint}`;
  return prefixOf(block) < WIDEST[familyOf(block)] ? `it is very wide: ${hint}` : undefined;
};

const inTheWay = (block: Cidr, { connected, routed, hosts }: Surroundings): string | undefined => {
  const own = connected.find(({ cidr }) => overlaps(block, cidr));
  if (own) return `${own.device} is in it`;
  const rival = routed.find(({ cidr }) => cidr === block);
  if (rival) return `${rival.device} has a route to it`;
  const host = hosts.find(({ ip }) => containsIp(block, ip));
  return host && `${host.what} ${host.ip} is in it`;
};

/** What keeps a router's machine from carrying a route, by its own word. */

import { printable } from '../domain/rejection.ts';
import { isDefault } from '../domain/routes.ts';
import type { Offer } from '../protocol/rows.ts';
import type { Cidr } from '../values/ip.ts';

type Router = { name: string; network: string; offers: readonly Offer[] };

/** The line that its machine still owes. */
const offerLine = (network: string, block: Cidr | undefined): string =>
  `innernet offer-route ${network} ${block === undefined || isDefault(block) ? '--exit' : block}`;

/** Undefined: it offers all blocks of the route, of an exit at least one, and says that it could carry them now. */
export const offerTrouble = (
  blocks: readonly Cidr[],
  { name, network, offers }: Router,
): string | undefined => {
  const of = (block: Cidr): Offer | undefined => offers.find((offer) => offer.block === block);
  const missing = blocks.filter((block) => !of(block));
  const isExit = blocks.some(isDefault);
  if (isExit ? missing.length === blocks.length : missing.length > 0)
    return `waits for the word of ${printable(name)}, there: ${offerLine(network, missing[0])}`;
  const held = blocks.flatMap((block) => of(block) ?? []).filter(({ ready }) => !ready);
  if (isExit ? held.length + missing.length < blocks.length : held.length === 0) return undefined;
  const why = held.find((offer) => offer.why !== undefined)?.why;
  return `${printable(name)} says that it cannot carry it now${why === undefined ? '' : `: ${printable(why)}`}`;
};

/** This machine as a router, in words: what it carries, or which of the two approvals is missing. */
import { type Look, ok, warning } from '../../cli/examining.ts';
import { printable } from '../../domain/rejection.ts';
import { type Cidr, prefixOf } from '../../values/ip.ts';
import type { Routing } from './router.ts';

const isExit = (block: Cidr): boolean => prefixOf(block) === 0;

/** As `offer-route` and `add-route` take it. */
const flagsOf = (blocks: readonly Cidr[], flag: string): string =>
  blocks.some(isExit) ? '--exit' : blocks.map((block) => `${flag}${block}`).join(' ');

/** Undefined: neither an admin nor this machine wants it. `name`: of this machine's peer; `range`: of the network. */
export const lookAtRouting = (
  { offers, routes }: Routing,
  network: string,
  { name, range }: { name: string; range: Cidr },
): Look | undefined => {
  if (offers.length + routes.length === 0) return undefined;
  const waiting = routes.find(({ isOffered }) => !isOffered);
  if (waiting)
    return warning(
      `an admin has given this machine the route ${printable(waiting.name)} (${waiting.blocks.join(', ')}), and it does not offer that`,
      `innernet offer-route ${network} ${flagsOf(waiting.blocks.slice(0, 1), '')}`,
    );
  const routed = new Set(routes.flatMap(({ blocks }) => blocks));
  const bad = offers.find(({ block, ready }) => !ready && routed.has(block));
  if (bad)
    return warning(
      `this machine does not carry ${bad.block} now: ${bad.why ?? 'it is not ready'}`,
      hintFor(bad.why ?? '', network),
    );
  if (routes.length === 0)
    return warning(
      `this machine offers ${offers.map(({ block }) => block).join(', ')}, and no admin has given it a route`,
      `as an admin: innernet add-route ${network} --name NAME ${flagsOf(
        offers.map(({ block }) => block),
        '--block ',
      )} --router ${name} --for CIDR`,
    );
  const closed = routes.filter(({ from }) => from.length === 0);
  const names = routes.map((route) => `${printable(route.name)} (${route.blocks.join(', ')})`).join(', ');
  if (closed.length === routes.length)
    return warning(
      `this machine would carry ${names}, and it is open to nobody`,
      `as an admin: innernet open-route ${network} ${printable(closed[0]?.name ?? 'NAME')} CIDR`,
    );
  const kept = routes.some(({ keepSource }) => keepSource);
  const way = kept ? `; hosts there need a way back to ${range} by this machine` : '';
  return ok(`this machine carries ${names}${way}`);
};

const hintFor = (why: string, network: string): string => {
  if (why.includes('nftables does not work')) return 'sudo apt-get install nftables';
  if (why.includes('turned off'))
    return `turn it on again as whoever turned it off did, or: innernet offer-route ${network} BLOCK, again`;
  if (why.includes('of nftables drops'))
    return `ufw: ufw route allow in on ${network}; Docker: iptables -I DOCKER-USER -i ${network} -j ACCEPT, and likewise -o ${network}`;
  return 'see which interfaces there are: ip address';
};

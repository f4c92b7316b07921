/** What may be begun over a way: a protocol, and ports of TCP and UDP. */
import * as z from 'zod';
import { Port } from './endpoint.ts';
import { CidrId } from './id.ts';

/** `icmp`: ICMPv6 between addresses of IPv6. `any`: whatever IP carries. */
export const Protocol = z.enum(['tcp', 'udp', 'icmp', 'any']);
export type Protocol = z.infer<typeof Protocol>;

/** First and last. */
const PortRange = z.tuple([Port, Port]).refine(([first, last]) => first <= last, {
  error: 'a range of ports begins with the lower one',
});
export type PortRange = z.infer<typeof PortRange>;

/** Openings of one association. */
export const MAX_OPENINGS = 64;
/** Ranges of one opening. */
const MAX_RANGES = 64;
/** Ranges of one protocol when the openings of all ways are added up. */
const MAX_SUMMED_RANGES = 4096;

type Shape = { protocol: Protocol; ports?: readonly PortRange[] | undefined };

export const portsFit = ({ protocol, ports }: Shape): boolean =>
  ports === undefined || protocol === 'tcp' || protocol === 'udp';

export const PORTS_NEED = { error: 'only tcp and udp have ports', path: ['ports'] };

/** Absent `ports`: all of them. */
export const Allow = z
  .object({ protocol: Protocol, ports: z.array(PortRange).min(1).max(MAX_SUMMED_RANGES).optional() })
  .refine(portsFit, PORTS_NEED);
export type Allow = z.infer<typeof Allow>;

/** Lets the peers of the CIDR `from`, one of an association's two, begin. */
export const Opening = z
  .object({ from: CidrId, protocol: Protocol, ports: z.array(PortRange).min(1).max(MAX_RANGES).optional() })
  .refine(portsFit, PORTS_NEED);
export type Opening = z.infer<typeof Opening>;

/** A packet that begins something. `port` is that of its destination; tcp and udp have one. */
export type Attempt = { readonly protocol: Protocol; readonly port?: number | undefined };

/** Whether what is allowed includes all of the attempt; without a port: every port. */
export const allows = (allowed: readonly Allow[], { protocol, port }: Attempt): boolean =>
  allowed.some(
    (allow) =>
      allow.protocol === 'any' ||
      (allow.protocol === protocol &&
        (allow.ports === undefined ||
          (port !== undefined && allow.ports.some(([first, last]) => first <= port && port <= last)))),
  );

/** Sorted, none touching the next. */
const joined = (ranges: readonly PortRange[]): PortRange[] => {
  const sorted = ranges.toSorted(([left], [right]) => left - right);
  const out: PortRange[] = [];
  for (const [first, last] of sorted) {
    const before = out.at(-1);
    if (before && first <= before[1] + 1) before[1] = Math.max(before[1], last);
    else out.push([first, last]);
  }
  return out;
};

const PORTED = ['tcp', 'udp'] as const;

/** Several together, in the one form that equal sums share. */
export const sumOf = (allowed: readonly Allow[]): Allow[] => {
  const ofProtocol = (protocol: Protocol) => allowed.filter((allow) => allow.protocol === protocol);
  if (ofProtocol('any').length > 0) return [{ protocol: 'any' }];
  const ported = PORTED.flatMap((protocol): Allow[] => {
    const found = ofProtocol(protocol);
    if (found.length === 0) return [];
    if (found.some(({ ports }) => ports === undefined)) return [{ protocol }];
    return [{ protocol, ports: joined(found.flatMap(({ ports = [] }) => ports)) }];
  });
  return [...ported, ...(ofProtocol('icmp').length > 0 ? [{ protocol: 'icmp' } as const] : [])];
};

const rangeText = ([first, last]: PortRange): string => (first === last ? `${first}` : `${first}-${last}`);

const allowText = ({ protocol, ports }: Shape): string => {
  switch (protocol) {
    case 'any':
      return 'everything';
    case 'icmp':
      return 'ping';
    case 'tcp':
    case 'udp':
      return ports === undefined ? `all ${protocol}` : `${protocol} ${ports.map(rangeText).join(', ')}`;
  }
};

/** For people: `tcp 631, 9100 and ping`; `nothing`. */
export const allowsText = (allowed: readonly Allow[]): string => {
  const texts = sumOf(allowed).map(allowText);
  const last = texts.pop() ?? 'nothing';
  return texts.length > 0 ? `${texts.join(', ')} and ${last}` : last;
};

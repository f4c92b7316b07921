/** What limited associations let their ends begin, for arcs and in words. */
import type { Association } from '../../domain/association-graph.ts';
import { openedBy, openings } from '../../domain/limits.ts';
import { lineage } from '../../domain/lineage.ts';
import type { Network } from '../../domain/network.ts';
import type { CidrId } from '../../values/id.ts';
import { allowsText } from '../../values/opening.ts';
import type { Arc } from './arcs.ts';

/** Undefined: that end may begin nothing. */
export type ArcLimit = { readonly toRight: string | undefined; readonly toLeft: string | undefined };

/** As openings are told. */
export const NOTHING = 'nothing';

const orNothing = (text: string): string | undefined => (text === NOTHING ? undefined : text);

const limitOfOne = (network: Network, { cidrIds, allow = [] }: Association, left: CidrId): ArcLimit => {
  const [one, other] = [...lineage(network, cidrIds[0])].includes(left) ? cidrIds : [cidrIds[1], cidrIds[0]];
  return { toRight: orNothing(openedBy(one, allow)), toLeft: orNothing(openedBy(other, allow)) };
};

/** Undefined: one of its associations lets everything through. */
export const arcLimit = (
  network: Network,
  { from }: Pick<Arc, 'from'>,
  associations: readonly Association[],
): ArcLimit | undefined => {
  if (associations.length === 0 || associations.some(({ allow }) => allow === undefined)) return undefined;
  const limits = associations.map((each) => limitOfOne(network, each, from.id));
  const [first] = limits;
  if (first && limits.length === 1) return first;
  const some = (end: keyof ArcLimit): string | undefined =>
    limits.some((limit) => limit[end] !== undefined) ? 'limited' : undefined;
  return { toRight: some('toRight'), toLeft: some('toLeft') };
};

/** `tcp 631 →`, `↔ ping`, `tcp 22 → · ← ping`; `nothing`. */
export const limitText = ({ toRight, toLeft }: ArcLimit): string => {
  if (toRight !== undefined && toRight === toLeft) return `↔ ${toRight}`;
  const texts = [
    ...(toRight === undefined ? [] : [`${toRight} →`]),
    ...(toLeft === undefined ? [] : [`← ${toLeft}`]),
  ];
  return texts.length === 0 ? NOTHING : texts.join(' · ');
};

/** What peers of one CIDR may begin towards the other, over all ways between them; undefined: it is not limited. */
export const mayBegin = (network: Network, from: CidrId, to: CidrId): string | undefined => {
  const may = network.isAnythingLimited ? openings(network, from, to) : undefined;
  return Array.isArray(may) ? allowsText(may) : undefined;
};

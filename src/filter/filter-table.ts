/** A network's packet filter as data: one nftables table and the scripts that make and change it. */
import type { InterfaceName } from '../values/name.ts';

/** `of`: nft's types, such as `ipv4_addr . inet_service`. Elements must not overlap. */
export type NamedSet = { name: string; of: string; elements: readonly string[] };

/** Without a hook it is reached from other chains alone. */
export type Chain = { name: string; at?: Hook; rules: readonly string[] };

export type Hook = {
  /** `filter` unless told. */
  type?: 'filter' | 'nat' | 'route';
  hook: 'prerouting' | 'forward' | 'output' | 'postrouting';
  priority: 'raw' | 'mangle' | 'filter' | 'srcnat' | 'srcnat + 10';
};

/** Without chains the table is removed. */
export type FilterTable = { name: string; sets?: readonly NamedSet[]; chains: readonly Chain[] };

/** The prefix avoids nft's keywords. */
export const tableName = (network: InterfaceName): string => `innernet-${network}`;

/** The script that replaces the table in one transaction. */
export const scriptOf = ({ name, sets = [], chains }: FilterTable): string => {
  const clear = [`add table inet ${name}`, `delete table inet ${name}`];
  if (chains.length === 0) return lines(clear);
  const body = [...sets.flatMap(setLines), ...chains.flatMap(chainLines)];
  return lines([...clear, `table inet ${name} {`, ...body, '}']);
};

const setLines = ({ name, of, elements }: NamedSet): string[] => [
  `  set ${name} {`,
  `    type ${of}; flags interval;`,
  ...(elements.length > 0 ? [`    elements = { ${elements.join(', ')} }`] : []),
  '  }',
];

const chainLines = ({ name, at, rules }: Chain): string[] => [
  `  chain ${name} {`,
  ...(at ? [`    type ${at.type ?? 'filter'} hook ${at.hook} priority ${at.priority}; policy accept;`] : []),
  ...rules.map((rule) => `    ${rule}`),
  '  }',
];

const lines = (texts: readonly string[]): string => `${texts.join('\n')}\n`;

/** Keeps nft's own listing, since versions of nft spell rules differently. */
export type Made = { table: FilterTable; listing: string };

/** The script to carry out; undefined if the table is as made and as wanted. */
export const planOf = (
  has: string | undefined,
  made: Made | undefined,
  wants: FilterTable,
): string | undefined => {
  if (wants.chains.length === 0) return has === undefined ? undefined : scriptOf(wants);
  return made && made.listing === has ? changeOf(made.table, wants) : scriptOf(wants);
};

/** Elements alone where they are all that differs: counters go on. */
const changeOf = (from: FilterTable, to: FilterTable): string | undefined => {
  if (frameOf(from) !== frameOf(to)) return scriptOf(to);
  const before = new Map(from.sets?.map(({ name, elements }) => [name, elements]));
  const changes = (to.sets ?? []).flatMap((set) => elementLines(to.name, set, before.get(set.name) ?? []));
  return changes.length > 0 ? lines(changes) : undefined;
};

const frameOf = ({ name, sets = [], chains }: FilterTable): string =>
  scriptOf({ name, sets: sets.map((set) => ({ ...set, elements: [] })), chains });

const elementLines = (table: string, { name, elements }: NamedSet, before: readonly string[]): string[] => {
  const [had, has] = [new Set(before), new Set(elements)];
  const gone = before.filter((element) => !has.has(element));
  const come = elements.filter((element) => !had.has(element));
  const set = `inet ${table} ${name}`;
  return [
    ...(gone.length > 0 ? [`delete element ${set} { ${gone.join(', ')} }`] : []),
    ...(come.length > 0 ? [`add element ${set} { ${come.join(', ')} }`] : []),
  ];
};

/** How many packets the rules of a listing have dropped. */
export const droppedIn = (listing: string): number =>
  [...listing.matchAll(/counter packets (\d+) bytes \d+ drop/g)].reduce(
    (sum, [, count]) => sum + Number(count),
    0,
  );

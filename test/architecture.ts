// The walls of the house as data: who may import whom, what pure code may not touch, and why.
import { dirname, join } from 'node:path';

/** Source files by their path in the repository, such as `src/domain/network.ts`. */
export type House = ReadonlyMap<string, string>;

/** For each folder under src/ the others that it may import, and why no more. */
const rooms: { [folder: string]: { from: readonly string[]; why: string } } = {
  values: { from: [], why: 'everything stands on values: they stand on nothing' },
  machine: {
    from: ['values'],
    why: 'files that last, hashes, queues and calls of libc are the same for every program: they know no network',
  },
  events: { from: ['values'], why: 'events are kept for ever: what they mean must not move with the rules' },
  domain: { from: ['events', 'values'], why: 'a rule is the same on every machine and over every transport' },
  protocol: { from: ['domain', 'events', 'values'], why: 'both programs speak it, so it knows neither' },
  store: { from: ['events', 'machine', 'values'], why: 'the log keeps what happened and does not judge it' },
  projections: {
    from: ['store', 'domain', 'events', 'values'],
    why: 'a read model can be thrown away: it is made from the log alone',
  },
  wireguard: { from: ['machine', 'values'], why: 'a device knows keys and addresses, not who may see whom' },
  filter: {
    from: ['wireguard', 'machine', 'values'],
    why: 'packets are judged by devices and addresses; it runs its program as wireguard runs its own',
  },
  relay: {
    from: ['filter', 'wireguard', 'values'],
    why: 'what is done with a packet depends on addresses, indices and who may talk: all passed in',
  },
  caller: {
    from: ['wireguard', 'protocol', 'machine', 'values'],
    why: 'whoever calls the server proves itself and goes through the tunnel in one way: a client, and a standby',
  },
  cli: {
    from: ['protocol', 'domain', 'events', 'machine', 'values'],
    why: 'a verb is written once for both programs, so it knows neither log nor device',
  },
  ui: {
    from: ['cli', 'protocol', 'domain', 'events', 'machine', 'values'],
    why: 'the page is shown over a plane, so by both programs alike: it knows neither',
  },
  page: {
    from: ['protocol', 'domain', 'events', 'values'],
    why: 'a browser has no machine: the page folds the log by the rules alone',
  },
  client: {
    from: [
      'ui',
      'cli',
      'caller',
      'relay',
      'filter',
      'wireguard',
      'protocol',
      'domain',
      'events',
      'machine',
      'values',
    ],
    why: "no SQLite on a peer's machine, and nothing of the server's",
  },
  server: {
    from: [
      'ui',
      'cli',
      'caller',
      'relay',
      'filter',
      'wireguard',
      'projections',
      'store',
      'protocol',
      'domain',
      'events',
      'machine',
      'values',
    ],
    why: 'the two programs meet in the protocol alone',
  },
};

/** Code whose tests need no `await`: time, ids, hashes and bytes are passed in. */
const isPure = (path: string): boolean =>
  /^src\/(values|events|domain|protocol|page\/map)\//.test(path) ||
  /^src\/(wireguard\/(plan|guard)|filter\/(allowed|carried(-pairs)?|marks|foreign-tables|inbound|swap-rules|filter-table|relay-table|through)|relay\/(packets|mac1(-search)?|mailbox|told-ways|allowance|members|sessions|held-initiations|relay)|client\/sync\/session(-events)?|caller\/back-off|client\/memory\/(doubt|mirror|chain)|client\/relay\/served|client\/router\/way-out|client\/tunnels\/(mailboxes|meetings|paths|trial(-pauses)?)|ui\/(guard|intents)|page\/chronicle)\.ts$/.test(
    path,
  );

/** Packages that belong to some rooms only, and why. */
const packages = [
  {
    name: /^better-sqlite3$/,
    rooms: ['store', 'projections'],
    why: 'one place knows how the log is written',
  },
  { name: /^pg$/, rooms: ['store'], why: 'the database is a place for the log, and for nothing else' },
  {
    name: /^koffi$/,
    rooms: ['machine'],
    why: 'foreign calls are for what Node cannot do, and the library is found and loaded in one way',
  },
  { name: /^(fastify|@fastify\/.*)$/, rooms: ['server'], why: 'a client serves nobody' },
  { name: /^(preact|@preact\/.*)$/, rooms: ['page'], why: 'only the page draws' },
  {
    name: /^commander$|^@inquirer\//,
    rooms: ['cli', 'client', 'server', 'ui'],
    why: 'only a verb talks to a terminal',
  },
];

/** Files that only some others may import, and why. */
const inner = [
  {
    file: /^src\/store\/(open|reader|sqlite-log|stored-state|writer)\.ts$/,
    from: /^src\/(store|projections)\//,
    why: 'the server knows the log by its contract, src/store/log.ts, whatever engine keeps it',
  },
  {
    file: /^src\/page\/[^/]+$/,
    from: /^src\/page\/[^/]+$/,
    why: 'the places of the map are arithmetic: src/page/map/ knows no page',
  },
];

/** Globals that pure code may not touch, and why. */
const worldly = [
  {
    what: /\bDate\.now\b|\bnew Date\(\)|\bperformance\.now\b|\bTemporal\.Now\b/,
    why: 'the clock is passed in',
  },
  { what: /\bset(Timeout|Interval|Immediate)\b/, why: 'rules do not wait' },
  { what: /\bMath\.random\b|\bcrypto\b|\brandom(UUID|Bytes|SecretKey)\b/, why: 'dice are thrown outside' },
  { what: /\bprocess\.|\bfetch\(|\bconsole\./, why: 'rules know no world' },
];

/** The only files that write to stdout and stderr: what passes them is made harmless, or is a file's exact bytes. */
const mouths = ['src/cli/print.ts', 'src/cli/pager.ts', 'src/server/verbs/export-log.ts'];

/** Those that an end of right concerns: they follow no log by themselves, so that they hear of it in one order. */
const ledBySessions =
  /^src\/server\/(device\/device-follower|relay\/own-relay|stream\/hub|sessions\/(connections|lingering-keys)|proof\/proofs)\.ts$/;

const emptyNames = /^(utils?|helpers?|common|shared|core|types?|managers?|services?|index)$/;

/** Every breach of the plan, one sentence each; empty when the house stands. */
export function breaches(house: House): string[] {
  return [...[...house].flatMap(([path, text]) => breachesOf(path, text)), ...cycles(house)];
}

function breachesOf(path: string, text: string): string[] {
  const found = [...badName(path), ...badFirstLine(path, text)];
  if (!path.startsWith('src/')) return found;
  const code = withoutComments(text);
  if (/^export default\b|^export\s*\{[^}]*\bas default\b/m.test(code))
    found.push(`${path} has a default export: a thing has one name everywhere`);
  if (!mouths.includes(path) && /\bprocess\.std(out|err)\.write\b|\bconsole\./.test(withoutStrings(code)))
    found.push(`${path} writes past src/cli/print.ts: a name from elsewhere could steer a terminal`);
  if (ledBySessions.test(path) && /\.subscribe\(/.test(code))
    found.push(
      `${path} follows the log by itself: src/server/sessions/sessions.ts says in which order rights end`,
    );
  for (const target of importsOf(text)) found.push(...badImport(path, target));
  if (isPure(path))
    for (const { what, why } of worldly) {
      const seen = withoutStrings(code).match(what);
      if (seen) found.push(`${path} uses ${seen[0]}: ${why}`);
    }
  return found;
}

function badImport(path: string, target: string): string[] {
  const room = roomOf(path);
  if (target.startsWith('node:')) {
    if (room === 'page') return [`${path} imports ${target}: the page runs in a browser`];
    return isPure(path) ? [`${path} imports ${target}: pure code knows no world, pass it in`] : [];
  }
  if (!target.startsWith('.'))
    return packages
      .filter(({ name, rooms: allowed }) => name.test(target) && !allowed.includes(room))
      .map(({ why }) => `${path} imports ${target}: ${why}`);
  // What the package says of itself, such as its version, is nobody's room.
  if (join(dirname(path), target) === 'package.json') return [];
  const file = join(dirname(path), target);
  const wall = inner.find((each) => each.file.test(file) && !each.from.test(path));
  if (wall) return [`${path} imports ${file}: ${wall.why}`];
  const other = roomOf(file);
  const { from, why } = rooms[room] ?? { from: [], why: 'this folder is not on the plan' };
  return other === room || from.includes(other) ? [] : [`${path} imports from ${other}: ${why}`];
}

function badName(path: string): string[] {
  return path
    .split('/')
    .filter((part) => emptyNames.test(part.replace(/(\.test)?\.[jt]sx?$/, '')))
    .map((part) => `${path}: the name ${part} says nothing about what is inside`);
}

function badFirstLine(path: string, text: string): string[] {
  const says = /^(\/\/|\/\*\*)(\n \*)? \S+ \S+ \S+/.test(text);
  return says ? [] : [`${path}: the first line is not a sentence that says what is here`];
}

/** One sentence for each import that closes a circle: neither file, nor corner of a room, can be understood first. */
function cycles(house: House): string[] {
  const files = new Map([...house].map(([path, text]) => [path, neighboursOf(path, text)]));
  const corners = new Map<string, Set<string>>();
  for (const [path, targets] of files) {
    const corner = cornerOf(path);
    if (corner === undefined) continue;
    const others = targets.flatMap((target) => cornerOf(target) ?? []).filter((other) => other !== corner);
    corners.set(corner, new Set([...(corners.get(corner) ?? []), ...others]));
  }
  return [...circlesIn(files), ...circlesIn(corners)];
}

function circlesIn(graph: ReadonlyMap<string, Iterable<string>>): string[] {
  const done = new Set<string>();
  const found: string[] = [];
  const visit = (node: string, trail: readonly string[]): void => {
    if (trail.includes(node))
      found.push(`import cycle: ${[...trail.slice(trail.indexOf(node)), node].join(' → ')}`);
    if (done.has(node)) return;
    done.add(node);
    for (const target of graph.get(node) ?? []) visit(target, [...trail, node]);
  };
  for (const node of graph.keys()) visit(node, []);
  return found;
}

function neighboursOf(path: string, text: string): string[] {
  return importsOf(text)
    .filter((target) => target.startsWith('.'))
    .map((target) => join(dirname(path), target));
}

/** What a file imports or re-exports, types included, at its top or later by `import()`. */
function importsOf(text: string): string[] {
  const patterns = [
    /^(?:import|export)\b[^'";]*?\bfrom\s*['"]([^'"]+)['"]/gm,
    /^import\s*['"]([^'"]+)['"]/gm,
    /\b(?:import|require)\(\s*['"]([^'"]+)['"]/g,
  ];
  const code = withoutComments(text);
  return patterns.flatMap((pattern) => [...code.matchAll(pattern)].map((match) => match[1] ?? ''));
}

function roomOf(path: string): string {
  return path.split('/')[1] ?? '';
}

/** A folder within a room, such as `src/client/sync`; what lies in the room itself is in no corner. */
function cornerOf(path: string): string | undefined {
  return /^(src\/[^/]+\/[^/]+)\//.exec(path)?.[1];
}

function withoutComments(text: string): string {
  return text.replace(/^\s*\/\*[\s\S]*?\*\/|(^|\s)\/\/.*$/gm, '');
}

function withoutStrings(code: string): string {
  return code.replace(/'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"/g, "''");
}

/**
 * What this machine would carry: npm run load -- --clients 5000 --minutes 1
 * A private server on the loopback device, clients with the real protocol over real sockets, changes all the while.
 */
import { parseArgs } from 'node:util';
import { crowdsFor, Field, mostClients } from '../bench/load/field.ts';
import { peerName } from '../bench/load/layout.ts';
import type { Usage } from '../bench/load/server.ts';
import { Tunnels } from '../bench/load/tunnels.ts';
import { BOOKMARK_EVERY } from '../src/protocol/frames.ts';

const MAX_CLIENTS = 20_000;
const MAX_MINUTES = 60;
const MAX_TUNNELS = 50;
/** A line is printed this often, in seconds. */
const SAY_EVERY = 5;

const USAGE = `usage: npm run load -- [--clients N] [--minutes M] [--cidr N] [--changes N] [--wireguard N]

A server of its own on the loopback device, in a process of its own, with N clients that speak the real protocol,
each from an address of its own in 127/8. It cannot be aimed at any other server. At the end all clients must
stand where the log ends; exit code 1 if they do not.

  --clients N    live clients, ${MAX_CLIENTS} at most (1000); a process may have only so many files open: here ${mostClients()}
  --minutes M    how long, ${MAX_MINUTES} at most, also 0.1 (1)
  --cidr N       peers in each CIDR, which see each other (50)
  --changes N    changes a second, 100 at most; each concerns one CIDR (2)
  --wireguard N  besides, the real programs on N hosts with WireGuard between them, 3 to ${MAX_TUNNELS} (none; as root)
  --json         the result as JSON
  --help         print this
`;

class WrongUsage extends Error {}

const numberIn = (name: string, text: string, [least, most]: [number, number]): number => {
  const value = Number(text);
  if (text.trim() === '' || !(value >= least && value <= most))
    throw new WrongUsage(`--${name} ${text}: wants a number from ${least} to ${most}`);
  return value;
};

const options = () => {
  const { values } = parse();
  const most = Math.min(MAX_CLIENTS, mostClients());
  return {
    clients: Math.floor(numberIn('clients', values.clients, [1, most])),
    minutes: numberIn('minutes', values.minutes, [0.01, MAX_MINUTES]),
    cidr: Math.floor(numberIn('cidr', values.cidr, [1, MAX_CLIENTS])),
    changes: numberIn('changes', values.changes, [0.1, 100]),
    wireguard: values.wireguard ? Math.floor(numberIn('wireguard', values.wireguard, [3, MAX_TUNNELS])) : 0,
    json: values.json,
    help: values.help,
  };
};

const parse = () => {
  try {
    return parseArgs({
      options: {
        clients: { type: 'string', default: '1000' },
        minutes: { type: 'string', default: '1' },
        cidr: { type: 'string', default: '50' },
        changes: { type: 'string', default: '2' },
        wireguard: { type: 'string' },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    });
  } catch (error) {
    throw new WrongUsage((error as Error).message);
  }
};

type Options = ReturnType<typeof options>;

const say = (text: string): void => console.error(`load: ${text}`);
const rest = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, Math.max(0, milliseconds)));

/** The value that so great a part of them does not exceed, in whole hundredths. */
const quantile = (values: readonly number[], part: number): number => {
  const sorted = [...values].sort((left, right) => left - right);
  const value = sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN;
  return Math.round(value * 100) / 100;
};

const describe = (delays: readonly number[]) => ({
  count: delays.length,
  median: quantile(delays, 0.5),
  p99: quantile(delays, 0.99),
  max: quantile(delays, 1),
});

/** Renames a peer of some CIDR and waits until all that may see it have heard; milliseconds from the commit on. */
const change = async (field: Field, { cidr, clients }: Options, number: number): Promise<number> => {
  const block = number % Math.max(1, Math.floor(clients / cidr));
  const who = block * cidr;
  const round = Math.floor(number / Math.max(1, Math.floor(clients / cidr)));
  const nameIn = (count: number): string => (count % 2 === 0 ? peerName(who) : `${peerName(who)}-b`);
  const command = { type: 'RenamePeer', peer: nameIn(round), name: nameIn(round + 1) };
  const { committed, position } = await field.execute(command);
  const numbers = Array.from({ length: Math.min(cidr, clients - who) }, (_, index) => who + index);
  const { times } = await field.reach(position, { numbers });
  return (times.at(-1) ?? Number.NaN) - committed;
};

const percent = (before: Usage, after: Usage, seconds: number): number =>
  Math.round((after.cpu - before.cpu) / 1e4 / seconds);

const mebibytes = (bytes: number): number => Math.round(bytes / 2 ** 20);

/** Changes at a steady pace for as long as wanted; gives how long each took to the last client concerned. */
const press = async (field: Field, chosen: Options): Promise<number[]> => {
  const { minutes, changes } = chosen;
  const begin = performance.now();
  const delays: number[] = [];
  let before = await field.usage();
  let said = begin;
  for (let number = 0; performance.now() - begin < minutes * 60_000; number++) {
    delays.push(await change(field, chosen, number));
    await rest(begin + ((number + 1) * 1000) / changes - performance.now());
    const seconds = (performance.now() - said) / 1000;
    if (seconds < SAY_EVERY) continue;
    const after = await field.usage();
    const { live } = await field.tally();
    const recent = describe(delays.slice(-Math.ceil(seconds * changes)));
    say(
      `${live} live, server ${percent(before, after, seconds)} % of a core, ${mebibytes(after.rss)} MiB, ` +
        `event loop p99 ${after.delay.p99.toFixed(1)} ms; a change to its last client ${recent.median} ms (most ${recent.max})`,
    );
    before = after;
    said = performance.now();
  }
  return delays;
};

const run = async (chosen: Options): Promise<object> => {
  const { clients, cidr, wireguard, minutes, changes } = chosen;
  const tunnels = wireguard > 0 ? await Tunnels.create(wireguard, say) : undefined;
  const field = await Field.create({ layout: { peers: clients, perCidr: cidr }, crowds: crowdsFor(clients) });
  try {
    const empty = await field.usage(true);
    const begin = performance.now();
    await field.connect(clients, { know: false });
    const connecting = (performance.now() - begin) / 1000;
    const full = await field.usage(true);
    say(`${clients} clients connected in ${connecting.toFixed(1)} s, each with a snapshot of its own sight`);
    await field.forget();
    await field.ask('forgetDelay');
    const [delays, inForce] = await Promise.all([press(field, chosen), tunnels?.press(minutes, changes)]);
    const after = await field.usage();
    const { position } = await field.ask<{ position: number }>('head');
    // Enough changes that also those whom none of them concerns get a bookmark.
    for (let number = 0; number < 2 * BOOKMARK_EVERY; number++)
      await change(field, chosen, delays.length + number);
    const { tally } = await field.reach(position, { seconds: 60 });
    return {
      clients,
      secondsToConnect: Math.round(connecting * 10) / 10,
      bytesPerClient: Math.round((full.rss - empty.rss) / clients),
      serverMiB: mebibytes(after.rss),
      eventLoopP99Ms: Math.round(after.delay.p99 * 10) / 10,
      changeToLastClientMs: describe(delays),
      ...(inForce ? { changeInForceMs: describe(inForce) } : {}),
      ...tally,
    };
  } finally {
    await field.close();
    await tunnels?.close();
  }
};

const linesOf = (result: object): string =>
  Object.entries(result)
    .map(([name, value]) => {
      const text =
        typeof value === 'object' ? linesOf(value).trimEnd().replaceAll('\n', ', ') : String(value);
      return `${name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`)} ${text}\n`;
    })
    .join('');

const main = async (): Promise<void> => {
  const chosen = options();
  if (chosen.help) return void process.stdout.write(USAGE);
  const result = await run(chosen);
  if (chosen.json) process.stdout.write(`${JSON.stringify(result, null, 2)}\n`);
  else process.stdout.write(linesOf(result));
  const { breaches, lost } = result as { breaches: number; lost: number };
  if (breaches + lost > 0) process.exitCode = 1;
  say(`all ${chosen.clients} clients stand where the log ends`);
};

for (const [signal, code] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const) {
  process.once(signal, () => process.exit(code));
}

try {
  await main();
} catch (error) {
  process.exitCode = error instanceof WrongUsage ? 2 : 1;
  console.error(`load: error: ${(error as Error).message}\nload: hint: npm run load -- --help`);
}

/** What a table of limits costs the machine that judges by it, and how soon a changed rule is in force there. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { resolve } from 'node:path';
import { type FilterTable, planOf, scriptOf, tableName } from '../src/filter/filter-table.ts';
import { inbound } from '../src/filter/inbound.ts';
import { Cidr } from '../src/values/ip.ts';
import { InterfaceName } from '../src/values/name.ts';
import type { Allow } from '../src/values/opening.ts';
import { type Machine, twoMachines } from '../test/lab/packets.ts';
import { Lab } from '../test/lab.ts';
import { alone, beside, type Measured, type Row } from './figure.ts';
import { interleave, timed } from './sample.ts';

const ROUNDS = 20;
const SECONDS = 2;
const PORT = 5001;
/** CIDRs whose peers may not begin everything, besides that of the peer that sends. */
const OTHERS = 100;
/** Linux counts a process's time in these. */
const TICKS_A_SECOND = 100;

const device = InterfaceName.parse('acme');
const SOME: Allow[] = [
  {
    protocol: 'tcp',
    ports: [
      [22, 22],
      [631, 631],
      [9100, 9100],
    ],
  },
  { protocol: 'icmp' },
];

const RANGE = Cidr.parse('10.42.0.0/16');

const tableWith = (port: number): FilterTable => ({
  name: tableName(device),
  ...inbound({
    device,
    range: RANGE,
    limited: [
      { key: '10.42.1.0-10.42.1.255', allow: [{ protocol: 'tcp', ports: [[port, port]] }] },
      ...Array.from({ length: OTHERS }, (_, n) => ({
        key: `10.42.${n + 3}.0-10.42.${n + 3}.255`,
        allow: SOME,
      })),
    ],
  }),
});

/** Seconds of processor time of a process so far, its threads included. */
const cpuOf = (pid: string): number => {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) / TICKS_A_SECOND;
};

/** The machine's wireguard-go: what the kernel does with a packet counts as its time. */
const tunnelOf = ({ host }: Machine): string => {
  const network = readlinkSync(`/proc/${host.pid}/ns/net`);
  const isIts = (pid: string): boolean => {
    try {
      const name = readFileSync(`/proc/${pid}/comm`, 'utf8').trim();
      return name === 'wireguard-go' && readlinkSync(`/proc/${pid}/ns/net`) === network;
    } catch {
      return false;
    }
  };
  const found = readdirSync('/proc').find((pid) => /^\d+$/.test(pid) && isIts(pid));
  if (!found) throw new Error('there is no wireguard-go');
  return found;
};

const put = ({ host }: Machine, script: string): Promise<string> =>
  host.sure(['nft', '-f', '-'], { input: script });

/** Seconds of processor time for each gigabyte. */
const cost = async (ann: Machine, press: Machine): Promise<number> => {
  const program = [process.execPath, resolve('bench/bare/steady-tcp.js')];
  const taking = press.host.spawn([...program, 'take', String(PORT)]);
  await taking.line(/ready/);
  const tunnel = tunnelOf(press);
  const before = cpuOf(tunnel);
  await ann.host.sure([...program, 'send', press.addresses[4].tunnel, String(PORT), '0', String(SECONDS)]);
  const bytes = Number((await taking.line(/took/)).split(' ')[1]);
  const used = cpuOf(tunnel) - before;
  await taking.stop();
  return used / (bytes / 1e9);
};

const measure = async (say: (progress: string) => void): Promise<Measured[]> => {
  const lab = await Lab.create();
  try {
    const { ann, press } = await twoMachines(lab);
    const none = { name: tableName(device), chains: [] };
    for (const machine of [ann, press]) await machine.host.sure(['nft', 'flush', 'ruleset']);
    say(`limits: ${ROUNDS} rounds with a table and without`);
    const [withTable = [], without = []] = await interleave(ROUNDS, [
      async () => {
        await put(press, scriptOf(tableWith(PORT)));
        return cost(ann, press);
      },
      async () => {
        await put(press, scriptOf(none));
        return cost(ann, press);
      },
    ]);
    let port = PORT;
    const listed = () => press.host.sure(['nft', '-s', 'list', 'table', 'inet', tableName(device)]);
    await put(press, scriptOf(tableWith(port)));
    const [change = []] = await interleave(ROUNDS, [
      async () => {
        const made = { table: tableWith(port), listing: await listed() };
        port += 1;
        return timed(async () => put(press, planOf(await listed(), made, tableWith(port)) ?? ''));
      },
    ]);
    return [
      beside({ name: 'CPU per GB with a table; yardstick: without', unit: 's/GB' }, withTable, without, {
        atMost: 1.03,
      }),
      alone({ name: `a rule of ${OTHERS + 1} CIDRs → in force on its machine`, unit: 'ms' }, change, 50),
    ];
  } finally {
    await lab.close();
  }
};

export const limits: Row = {
  name: 'limits',
  what: 'CPU of the receiving tunnel per GB with a table of limits; yardstick: without; a changed rule → in force',
  measure,
};

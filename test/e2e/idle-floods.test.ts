// A program of `nobody` on a peer's machine, which has the machine's address and no key: it keeps nobody from the server.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { labFile } from '../lab/caller.ts';
import { nobodyOn } from '../lab/nobody.ts';
import type { Running } from '../lab.ts';
import { follow, type Host, onDevice, SmallNetwork, until } from './small-network.ts';

let network: SmallNetwork;
let ann: Host;
let bobsAddress: string;
let daemon: Running;
let flood: Running;

const done = (): { idle: number; streams: number; opened: number; calls: number; answered: number } =>
  JSON.parse(flood.lines.at(-1) ?? '{}');

beforeAll(async () => {
  network = await SmallNetwork.create();
  const [{ host: bob }, { host }] = [await network.join('bob'), await network.join('ann')];
  ann = host;
  bobsAddress = /inet ([\d.]+)/.exec(await bob.sure(['ip', '-4', 'address', 'show', 'acme']))?.[1] ?? '';
  const api =
    /listening on (\S+)/.exec(network.said.find((line) => line.includes('listening')) ?? '')?.[1] ?? '';
  const key = (await network.server.sure(['wg', 'show', 'acme', 'public-key'])).trim();
  const { node, copies } = await nobodyOn(ann, labFile('flood.js'));
  daemon = await follow(ann);
  flood = ann.spawn([...node, copies[0] ?? '', api, key]);
  await until('the flood has come', async () => done().idle > 200 && done().calls > 100, 60);
});
afterAll(() => network.close());

describe('while it floods the server with connections, streams and calls', () => {
  it('the daemon is connected, and is let in again each time that it starts', async () => {
    for (const _ of [1, 2, 3]) {
      await daemon.stop('SIGTERM');
      daemon = await follow(ann); // throws when it is not connected in time
    }
  });

  it('a peer that is disabled goes from its device', async () => {
    expect(await onDevice(ann)).toContain(bobsAddress);
    await network.admin('disable-peer', 'acme', '--name', 'bob');
    await until('bob is gone', async () => !(await onDevice(ann)).includes(bobsAddress));
    expect(daemon.lines.join('\n')).not.toContain('does not answer');
  });

  it('it is refused most of what it tries, and the operator is told', () => {
    const { idle, streams, opened, calls, answered } = done();
    expect([idle > 500, streams > 50, calls > 500, answered > 0, opened < streams]).toEqual(
      Array(5).fill(true),
    );
    expect(
      network.said.filter((line) => /warning: [\d.]+.* over which nothing is said/.test(line)),
    ).toHaveLength(1);
  });

  it('its own machine is told when it is disabled, and then nobody there gets an answer', async () => {
    await network.admin('disable-peer', 'acme', '--name', 'ann');
    await daemon.line(/shut out of the network: disabled/);
    const answered = (): number[] => flood.lines.slice(-3).map((line) => JSON.parse(line).answered);
    const said = flood.lines.length;
    await until(
      'no answer comes any more',
      async () => flood.lines.length > said + 3 && new Set(answered()).size === 1,
    );
  });
});

// R84: a standby that lacks what clients were shown is promoted: that is recorded as lost, and they follow without an alarm.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { join as joinNetwork, type Peer } from './meeting.ts';
import { type Host, reportOf, SERVER, SmallNetwork, until } from './small-network.ts';

const scratch = mkdtempSync(join(tmpdir(), 'innernet-promote-'));
const env = { INNERNET_KIT_PASSPHRASE: 'a dozen words or so' };
const DATA = '/var/lib/innernet-server';

let network: SmallNetwork;
let spare: Peer;
let ann: Peer;

beforeAll(async () => {
  network = await SmallNetwork.create();
  [spare, ann] = [await joinNetwork(network, 'spare'), await joinNetwork(network, 'ann')];
});
afterAll(async () => {
  await network.close();
  rmSync(scratch, { recursive: true, force: true });
});

const history = async (host: Host): Promise<{ type: string }[]> =>
  (await host.sure([...SERVER, 'history', 'acme', '--json']))
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));

it('R84: what its client was shown and its log lacks is recorded as lost', async () => {
  const [log, kit] = [join(scratch, 'acme.backup'), join(scratch, 'acme.kit')];
  await network.admin('name-standby', 'acme', '--name', 'spare');
  await network.server.sure([...SERVER, 'kit', 'acme', '--save', kit], { env });
  await network.server.sure([...SERVER, 'backup', 'acme', log]);
  await spare.host.sure(['mkdir', '-p', '-m', '700', DATA]);
  await spare.host.sure(['cp', log, `${DATA}/acme.events`]);
  await spare.host.sure(['cp', kit, `${DATA}/acme.kit`]);
  await network.admin('rename-peer', 'acme', '--name', 'ann', '--new-name', 'anna');
  const { length } = await history(network.server);
  for (const { host } of [spare, ann])
    await until('it was shown', async () => (await reportOf(host)).position === length);

  await network.lab.cable(network.server, 'out');
  await spare.host.sure(['ip', 'addr', 'flush', 'dev', 'eth0']);
  await spare.host.sure(['ip', 'addr', 'add', `${network.server.address}/24`, 'dev', 'eth0']);
  const { code, stderr } = await spare.host.exec([...SERVER, 'promote', 'acme', '--yes'], {
    env,
    timeout: 60_000,
  });
  expect([code, stderr]).toEqual([0, expect.stringContaining('lost:')]);
  const types = (await history(spare.host)).map(({ type }) => type);
  expect(types.slice(length - 1)).toEqual(['LogRestored', 'ServerPromoted']);

  const serving = spare.host.spawn([...SERVER, 'serve', 'acme']);
  await serving.line(/listening/);
  await until(
    'ann has followed',
    async () => {
      const { alarm, restored, isConnected } = (await reportOf(ann.host)) as unknown as Record<
        string,
        unknown
      >;
      return isConnected === true && alarm === null && restored !== null;
    },
    60,
  );
});

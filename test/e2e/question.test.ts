// Whether a device with a certain key stands somewhere, asked of real WireGuard by a handshake that is begun by hand.
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Cidr, RecordedCidr } from '../../src/values/ip.ts';
import { type KeyPair, keyPairFrom } from '../../src/values/key-pair.ts';
import { InterfaceName } from '../../src/values/name.ts';
import { type Host, Lab } from '../lab.ts';
import { bundled } from '../server/bundled.ts';
import { makeDriver, type Remote, remoteOn } from '../wireguard/remote.ts';

const acme = InterfaceName.parse('acme');
const folder = mkdtempSync(join(tmpdir(), 'innernet-question-'));
let lab: Lab;
let driver: Awaited<ReturnType<typeof makeDriver>>;
let asking: Awaited<ReturnType<typeof bundled>>;
let server: Host;
let remote: Remote;
let asker: Host;
const [keys, question, stranger] = [1, 2, 3].map(() => keyPairFrom(randomBytes(32))) as [
  KeyPair,
  KeyPair,
  KeyPair,
];

beforeAll(async () => {
  driver = await makeDriver();
  asking = await bundled('test/wireguard/asking.ts');
  lab = await Lab.create();
  [server, asker] = [await lab.host('server'), await lab.host('asker')];
  remote = remoteOn(server, driver.path);
  await remote.bringUp({
    name: acme,
    address: RecordedCidr.parse('10.42.0.1/16'),
    network: Cidr.parse('10.42.0.0/16'),
  });
  await remote.apply(acme, [
    { kind: 'privateKey', privateKey: keys.privateKey.reveal() },
    { kind: 'listenPort', listenPort: 51820 },
    { kind: 'set', publicKey: question.publicKey, allowedIps: [] },
  ]);
});
afterAll(async () => {
  await lab.close();
  driver.remove();
  asking.remove();
  rmSync(folder, { recursive: true, force: true });
});

/** What a program on the other host finds; keys go by a file. */
const asked = async (own: KeyPair, other: KeyPair, places: string[], behindMs = 0) => {
  const file = join(folder, 'question');
  const question = { own: own.privateKey.reveal(), other: other.publicKey, places, behindMs };
  writeFileSync(file, JSON.stringify(question), { mode: 0o600 });
  return (await asker.sure([process.execPath, asking.path, file])).trim();
};
const at = (host: Host, port = 51820) => `${host.address}:${port}`;

it('is answered where the device has the key and knows the asker, again and again', async () => {
  for (let round = 0; round < 3; round += 1)
    expect(await asked(question, keys, [at(asker, 9), at(server, 9), at(server)])).toBe(at(server));
});

it('is answered over IPv6', async () => {
  const place = `[${server.address6}]:51820`;
  expect(await asked(question, keys, [place])).toBe(place);
});

it('is answered by nobody for another key, to a stranger, or where nothing stands', async () => {
  expect(await asked(question, stranger, [at(server)])).toBe('nobody');
  expect(await asked(stranger, keys, [at(server)])).toBe('nobody');
  expect(await asked(question, keys, [at(asker), '[2001:db8::99]:51820'])).toBe('nobody');
});

it('is answered by a clock that is behind once the device has the asking peer anew', async () => {
  const hour = 3_600_000;
  expect(await asked(question, keys, [at(server)])).toBe(at(server));
  expect(await asked(question, keys, [at(server)], hour)).toBe('nobody');
  await remote.apply(acme, [{ kind: 'recreate', publicKey: question.publicKey, allowedIps: [] }]);
  expect(await asked(question, keys, [at(server)], hour)).toBe(at(server));
});

it('leaves a session that carries nothing', async () => {
  const state = await remote.read(acme);
  expect(state.peers.get(question.publicKey)?.allowedIps).toEqual([]);
  expect(state.peers.get(question.publicKey)?.latestHandshake).toBeUndefined(); // the asker never confirms it
});

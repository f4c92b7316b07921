/**
 * Who starts a handshake, over 40 ms each way. Measured with wireguard-go 0.0.20220316, from the first step to the
 * first handshake seen, the other's link address known: one side alone 90 ms (170 ms if it has to be asked for
 * first); both at once 5.2 s, and sometimes 20.7 s, because WireGuard's second attempts, 5 s later and up to 334 ms
 * apart, may cross as well; both at once, then one side re-creates its peer after 300 ms: 400 ms.
 *
 * What is asserted does not depend on the machine: whether WireGuard's own second attempt (REKEY_TIMEOUT, whitepaper
 * 6.1) was needed.
 */
import { randomBytes } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { SocketAddress } from '../../src/values/endpoint.ts';
import { Cidr, RecordedCidr } from '../../src/values/ip.ts';
import { type KeyPair, keyPairFrom } from '../../src/values/key-pair.ts';
import { InterfaceName } from '../../src/values/name.ts';
import { type Host, Lab } from '../lab.ts';
import { makeDriver, type Remote, remoteOn } from '../wireguard/remote.ts';

const acme = InterfaceName.parse('acme');
const REKEY_TIMEOUT_MS = 5_000;

type Machine = { host: Host; remote: Remote; keys: KeyPair; address: Cidr };

let lab: Lab;
let driver: Awaited<ReturnType<typeof makeDriver>>;
let [ann, ryo]: Machine[] = [];

const machine = async (name: string, number: number): Promise<Machine> => {
  const host = await lab.host(name, { delayMs: 20 });
  const remote = remoteOn(host, driver.path);
  const keys = keyPairFrom(randomBytes(32));
  return { host, remote, keys, address: RecordedCidr.parse(`10.42.1.${number}/16`) };
};

const setUp = async ({ remote, keys, address }: Machine): Promise<void> => {
  await remote.takeDown(acme);
  await remote.bringUp({ name: acme, address, network: Cidr.parse('10.42.0.0/16') });
  const privateKey = keys.privateKey.reveal();
  await remote.apply(acme, [
    { kind: 'privateKey', privateKey },
    { kind: 'listenPort', listenPort: 51820 },
  ]);
};

const peer = ({ host, keys, address }: Machine, keepalive: number) => ({
  publicKey: keys.publicKey,
  allowedIps: [Cidr.parse(address.replace('/16', '/32'))],
  endpoint: SocketAddress.parse(`${host.address}:51820`),
  keepalive,
});

/** Adds the other; with a keepalive that starts a handshake. */
const meet = (one: Machine, other: Machine, keepalive: number) =>
  one.remote.apply(acme, [{ kind: 'set', ...peer(other, keepalive) }]);

/** Milliseconds since `start` at which the machine had its first handshake with the other. */
const handshake = async (one: Machine, other: Machine, start: number): Promise<number> => {
  while (!(await one.remote.read(acme)).peers.get(other.keys.publicKey)?.latestHandshake) await setTimeout(2);
  return Math.round(performance.now() - start);
};

beforeAll(async () => {
  driver = await makeDriver();
  lab = await Lab.create();
  [ann, ryo] = [await machine('ann', 1), await machine('ryo', 2)];
});
beforeEach(() => Promise.all([setUp(ann!), setUp(ryo!)]));
afterAll(async () => {
  await lab.close();
  driver.remove();
});

describe('a handshake over 40 ms each way', () => {
  it('takes one round trip when one side alone starts it', async () => {
    await meet(ryo!, ann!, 0);
    const start = performance.now();
    await meet(ann!, ryo!, 25);
    expect(await handshake(ann!, ryo!, start)).toBeLessThan(REKEY_TIMEOUT_MS);
  });

  it('is lost when both start it before they hear each other, and mended when one side alone re-creates', async () => {
    const start = performance.now();
    await Promise.all([meet(ann!, ryo!, 25), meet(ryo!, ann!, 25)]);
    await setTimeout(300);
    await ann!.remote.apply(acme, [{ kind: 'recreate', ...peer(ryo!, 25) }]);
    expect(await handshake(ann!, ryo!, start)).toBeLessThan(REKEY_TIMEOUT_MS);
    await ann!.host.sure(['ping', '-n', '-c', '1', '-W', '3', '10.42.1.2']);
    expect(performance.now() - start).toBeLessThan(REKEY_TIMEOUT_MS);
  });

  it('begins at once when a peer is re-created in one operation', async () => {
    await meet(ann!, ryo!, 25); // ryo does not know ann yet: lost
    await setTimeout(300);
    await meet(ryo!, ann!, 0);
    const start = performance.now();
    await ann!.remote.apply(acme, [{ kind: 'recreate', ...peer(ryo!, 25) }]);
    // Its own second attempt would come 4.7 s from now.
    expect(await handshake(ann!, ryo!, start)).toBeLessThan(REKEY_TIMEOUT_MS - 1_000);
  });
});

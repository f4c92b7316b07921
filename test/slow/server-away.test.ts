// R15: the server is dead for longer than a session of WireGuard lasts, and meanwhile a machine reboots: traffic all the while.
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { join, type Peer } from '../e2e/meeting.ts';
import { CLIENT, follow, onDevice, reaches, reportOf, SmallNetwork, until } from '../e2e/small-network.ts';
import { answeredIn, BROKEN, missedInARow } from '../lab/pings.ts';
import type { Running } from '../lab.ts';
import { sayTried } from '../torture/seed.ts';

/** WireGuard agrees on new keys after 120 s and drops old ones after 180 s; in milliseconds. */
const AWAY = 200_000;
/** Until the machine reboots, and how long it is off: both its sessions, old and new, are renewed without the server. */
const REBOOTS_AFTER = 15_000;
const IS_OFF = 5_000;

let network: SmallNetwork;
let ann: Peer;
let bob: Peer;
let cleo: Peer;
beforeEach(async () => {
  network = await SmallNetwork.create();
  [ann, bob, cleo] = [await join(network, 'ann'), await join(network, 'bob'), await join(network, 'cleo')];
});
afterEach(() => network.close());

/** Pings five times a second until it is stopped; then it says how many were sent and the most in a row unanswered. */
const pinged = async (from: Peer, to: Peer): Promise<() => Promise<{ sent: number; missed: number }>> => {
  const running: Running = from.host.spawn(['ping', '-n', '-i', '0.2', to.ip]);
  await running.line(/bytes from/);
  return async () => {
    await pause(1000);
    await running.stop('SIGINT');
    const answered = answeredIn(running.lines.join('\n'));
    return { sent: Math.max(...answered), missed: missedInARow(answered) };
  };
};

/** When each of a machine's sessions began, in seconds of its clock, by the peer's address. */
const sessionsOf = async ({ host }: Peer): Promise<Map<string, number>> => {
  const dump = (await host.sure(['wg', 'show', 'acme', 'dump'])).split('\n').slice(1).filter(Boolean);
  const fields = dump.map((line) => line.split('\t'));
  return new Map(fields.map(([, , , ips = '', began]) => [ips.replace('/32', ''), Number(began)]));
};

/** Off at once, and everything that a machine forgets with it: the device, the processes, what lies in /run. */
const reboot = async ({ host, running }: Peer): Promise<void> => {
  running.kill('SIGKILL');
  await running.ended;
  await host.sure(['ip', 'link', 'delete', 'acme']);
  await host.sure(['sh', '-c', 'rm -rf /run/innernet/* /run/wireguard/*']);
  expect((await host.exec(['ip', 'link', 'show', 'acme'])).code).not.toBe(0);
  await pause(IS_OFF);
};

it('R15: traffic before, during and after, through a reboot without the server', {
  timeout: 600_000,
}, async () => {
  const tried = new Map<string, number>();
  for (const { ip } of [bob, cleo]) await until(`ann reaches ${ip}`, () => reaches(ann.host, ip));
  const stopNeighbours = await pinged(ann, cleo);
  const stopBefore = await pinged(bob, ann);

  await network.stopServing('SIGKILL');
  const away = performance.now();
  await pause(REBOOTS_AFTER);
  const before = await stopBefore();
  expect(before.missed).toBeLessThan(BROKEN);

  await reboot(bob);
  const on = performance.now();
  bob.running = bob.host.spawn([...CLIENT, 'up', '--daemon', 'acme']);
  await bob.running.line(/up at/);
  await until('bob is back without the server', () => reaches(bob.host, ann.ip, 0.2), 60);
  tried.set('ms from its start to an answer without the server', Math.round(performance.now() - on));
  await until('he is reached too', () => reaches(cleo.host, bob.ip, 0.2), 60);
  const stopDuring = await pinged(bob, ann);
  const stopTowards = await pinged(cleo, bob);
  const early = await sessionsOf(ann);

  await pause(Math.max(0, AWAY - (performance.now() - away)));
  const late = await sessionsOf(ann);
  for (const { ip } of [bob, cleo])
    expect(late.get(ip), `ann with ${ip}`).toBeGreaterThan(early.get(ip) ?? 0);
  expect(await reaches(ann.host, '10.42.0.1')).toBe(true); // the server's device stands without its program
  expect((await reportOf(bob.host)).isConnected).toBe(false);
  tried.set('s without the server', Math.round((performance.now() - away) / 1000));

  await network.serve();
  for (const { host } of [ann, bob, cleo])
    await until(`${host.name} is connected`, async () => (await reportOf(host)).isConnected, 90);
  // What is said now is heard again, also by him who came back without the server.
  const dora = await network.join('dora');
  await follow(dora.host);
  for (const { host } of [ann, bob])
    await until(`${host.name} knows dora`, async () => (await onDevice(host)).includes('10.42.1.4'), 60);
  const counts = [
    ['pings between two that stayed', await stopNeighbours()],
    ['pings from the one that rebooted', await stopDuring()],
    ['pings to it', await stopTowards()],
  ] as const;
  tried.set('pings before its reboot', before.sent);
  for (const [what, { sent }] of counts) tried.set(what, sent);
  sayTried('R15', tried);
  for (const [what, { missed }] of counts) expect(missed, what).toBeLessThan(BROKEN);
});

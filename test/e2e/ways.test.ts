// Two peers behind routers: they talk by the relay at once, directly where probes get through, and again by the relay.
import { afterEach, beforeEach, expect, it } from 'vitest';
import { answeredIn, BROKEN } from '../lab/pings.ts';
import type { Router, Running } from '../lab.ts';
import {
  associate,
  type JoinOptions,
  join as joinNetwork,
  meet,
  type Peer,
  withMachines,
} from './meeting.ts';
import { CLIENT, type Host, missedPings, reaches, SERVER, SmallNetwork, until } from './small-network.ts';

let network: SmallNetwork;

beforeEach(async () => {
  network = await withMachines(await SmallNetwork.create());
  await network.admin('set-relay', 'acme', 'innernet-server');
});
afterEach(() => network.close());

type Routed = Peer & { router: Router };

const join = async (name: string, ports: 'keep' | 'random', options: JoinOptions = {}): Promise<Routed> => {
  const router = await network.lab.router(`of-${name}`, { ports });
  return { ...(await joinNetwork(network, name, { behind: router, delayMs: 20, ...options })), router };
};

type Path = { kind: string; relay: string | null; reason: string | null } | null;

const pathOf = async ({ host }: Peer, { ip }: Peer): Promise<Path> => {
  const [report] = JSON.parse(await host.sure([...CLIENT, 'show', 'acme', '--json']));
  return report.peers.find((peer: { ip: string }) => peer.ip === ip).path;
};

/** Where the host's device sends what is for the peer. */
const endpointOf = async ({ host }: Peer, { ip }: Peer): Promise<string> => {
  const lines = (await host.sure(['wg', 'show', 'acme', 'dump'])).split('\n').map((line) => line.split('\t'));
  return lines.find(([, , , allowed]) => allowed === `${ip}/32`)?.[2] ?? '';
};

/** The last pings in a row that got no answer; twenty a second are sent. */
const unanswered = (pinging: Running): number => {
  const sent = pinging.lines.map((line) => Number(/icmp_seq=(\d+)/.exec(line)?.[1] ?? 0));
  return Math.max(0, ...sent) - Math.max(0, ...answeredIn(pinging.lines.join('\n')));
};

/** Nothing passes any more once the verb has returned; prints how many of twenty pings a second came later. */
const cutsOff = async (pinging: Running, ...verb: string[]): Promise<void> => {
  await until(`pings are answered before ${verb[0]}`, async () => unanswered(pinging) < BROKEN, 120);
  await network.admin(...verb);
  const before = answeredIn(pinging.lines.join('\n')).length;
  await until(`${verb[0]} has cut them off`, async () => unanswered(pinging) > 60, 30);
  console.log(`${verb[0]}: ${answeredIn(pinging.lines.join('\n')).length - before} later answers`);
};

it('behind routers that change ports they meet at the relay, both say why, and the server can cut them off', async () => {
  await associate(network);
  const [ann, bob] = [await join('ann', 'random'), await join('bob', 'random', { cidr: 'machines' })];
  await meet('both change ports', [ann, bob]);
  await meet('the other way', [bob, ann]);
  expect(await endpointOf(ann, bob)).toBe(`${network.server.address}:51821`);
  const reason = 'the routers of both ends change ports (symmetric NAT)';
  expect(await pathOf(ann, bob)).toMatchObject({ kind: 'relayed', relay: 'innernet-server', reason });
  expect(await pathOf(bob, ann)).toMatchObject({ kind: 'relayed', relay: 'innernet-server', reason });
  expect(await ann.host.sure([...CLIENT, 'ping', 'acme', 'bob', '--count', '1'])).toMatch(
    /^bob \(10\.42\.2\.1\): \d+\.\d ms, relayed by innernet-server \(the routers/,
  );
  await network.admin('grant-admin', 'acme', 'ann');
  const observed = async (): Promise<string> => {
    const lines = (await ann.host.sure([...CLIENT, 'why', 'acme', 'ann', 'bob'])).split('\n');
    return lines.flatMap((line) => line.split('observed: ')[1] ?? []).join('\n');
  };
  const [anns, bobs] = ['ann reaches bob', 'bob reaches ann'].map(
    (who) => `${who} by the relay innernet-server: ${reason}`,
  );
  await until('why says what both observe', async () => (await observed()) === `${anns}\n${bobs}`);
  await bob.running.stop();
  const silent = bob.host.spawn([...CLIENT, 'up', '--daemon', 'acme', '--no-tell-ways']);
  await until('why says what ann alone observes', async () => (await observed()) === anns, 60);
  // Programs that do not listen any more: WireGuard alone goes on, with the session that both ends have.
  for (const running of [ann.running, silent]) running.kill('SIGSTOP');
  const pinging = ann.host.spawn(['ping', '-n', '-O', '-i', '0.05', bob.ip]);
  await cutsOff(pinging, 'delete-association', 'acme', 'humans', 'machines');
  await associate(network);
  await cutsOff(pinging, 'clear-relay', 'acme', 'innernet-server');
  await network.admin('set-relay', 'acme', 'innernet-server');
  await cutsOff(pinging, 'delete-peer', 'acme', '--name', 'bob');
  expect(await endpointOf(ann, bob)).toBe(`${network.server.address}:51821`);
}, 400_000);

/** Marks what comes from the relay before any rule for a change of way, and counts what looks as if it came directly after it. */
const countRewritten = async ({ host }: Peer): Promise<void> => {
  const relay = `ip saddr ${network.server.address} udp sport 51821`;
  const table = `table ip seen {
    chain before { type filter hook prerouting priority raw - 10; ${relay} meta mark set 0x1; }
    chain after { type filter hook prerouting priority raw + 10; meta mark 0x1 ip saddr != ${network.server.address} counter; }
  }`;
  await host.sure(['nft', '-f', '-'], { input: table });
};

const rewrittenAt = async ({ host }: Peer): Promise<number> =>
  Number(/packets (\d+)/.exec(await host.sure(['nft', 'list', 'table', 'ip', 'seen']))?.[1]);

it('behind routers that keep ports they go over to the direct way, leave it when it dies, and return', async () => {
  const [ann, bob] = [await join('ann', 'keep'), await join('bob', 'keep')];
  await meet('both keep ports', [ann, bob]);
  const isBy = (kind: 'direct' | 'relayed') => async () => {
    const places = await Promise.all([endpointOf(ann, bob), endpointOf(bob, ann)]);
    return places.every((place) => place.startsWith(network.server.address) === (kind === 'relayed'));
  };
  await until('the way is direct', isBy('direct'), 60);
  // Not on her own machine: WireGuard does not count what a local filter refuses.
  const cut = `table ip cut { chain way { type filter hook forward priority 0; ip daddr ${bob.router.address} drop; }; }`;
  await ann.router.sure(['nft', '-f', '-'], { input: cut });
  const traffic = ann.host.spawn(['ping', '-n', '-i', '0.1', bob.ip]);
  await until('the relay carries them', isBy('relayed'), 60);
  await traffic.stop('SIGINT');
  expect(await reaches(ann.host, bob.ip)).toBe(true);
  expect((await pathOf(ann, bob))?.reason).not.toBeNull();
  for (const peer of [ann, bob]) await countRewritten(peer);
  const busy = bob.host.spawn(['ping', '-n', '-q', '-i', '0.005', ann.ip]);
  const missed = await missedPings(ann.host, bob.ip, async () => {
    await ann.router.sure(['nft', 'delete', 'table', 'ip', 'cut']);
    await until('the way is direct again', isBy('direct'), 60);
  });
  expect(missed).toBeLessThan(BROKEN);
  await busy.stop('SIGINT');
  const rewritten = (await rewrittenAt(ann)) + (await rewrittenAt(bob));
  console.log(`${rewritten} packets were under way by the relay, and came under the rule of the change`);
  expect(rewritten).toBeGreaterThan(0);
}, 300_000);

it('where the port of the relay is closed, both doctors say so', async () => {
  const closed =
    'table ip closed { chain in { type filter hook input priority 0; udp dport 51821 drop; }; }\n';
  await network.server.sure(['nft', '-f', '-'], { input: closed });
  const ann = await join('ann', 'random');
  await join('bob', 'random');
  const found = async (host: Host, program: readonly string[]): Promise<string> => {
    const { stdout } = await host.exec([...program, 'doctor', 'acme', '--json']);
    const step = JSON.parse(stdout).find((one: { step: string }) => one.step === 'relay');
    return `${step?.grade}: ${step?.found}; ${step?.hint}`;
  };
  const here = `${network.server.address}:51821`;
  await until(
    'the client says so',
    async () =>
      (await found(ann.host, CLIENT)) ===
      `warning: not heard by innernet-server (${here}): peers without a direct way cannot be reached; open UDP port 51821 there, and from here to there`,
    60,
  );
  await until(
    'the server says so',
    async () =>
      (await found(network.server, SERVER)).startsWith(
        'warning: 2 peers behind routers were told of UDP port 51821, and none was heard there; let UDP port 51821 through',
      ),
    90,
  );
}, 300_000);

/** What WireGuard's own keepalives and handshakes cost a client that is merely up, for each peer; then for 10,000. */
import { setTimeout as pause } from 'node:timers/promises';
import { alone, beside, type Measured, type Row } from './figure.ts';
import { PATHS, type Path, type Peer, Scene } from './scene.ts';

const ONLINE = 6;
const MANY = 10_000;
/** More than WireGuard's time between two handshakes, in milliseconds, and as long as five keepalives. */
const WATCHED_MS = 125_000;
const SETTLE_MS = 65_000;
/** A second: both sides keep up every tunnel (one packet each in 25 s), and shake hands (three packets in 120 s). */
const OF_BOTH_SIDES = 2 / 25 + 3 / 120;

/** Counters on the admin's host for what goes to and comes from each of these. */
const count = async ({ ann }: Scene, peers: readonly Peer[]): Promise<void> => {
  const rules = peers.flatMap(({ machine: { host } }) => [
    `add rule inet watch out ip daddr ${host.address} meta l4proto udp counter`,
    `add rule inet watch in ip saddr ${host.address} meta l4proto udp counter`,
  ]);
  const table = [
    'add table inet watch',
    'add chain inet watch out { type filter hook output priority 0; }',
    'add chain inet watch in { type filter hook input priority 0; }',
  ];
  await ann.machine.host.sure(['nft', '-f', '-'], { input: `${[...table, ...rules].join('\n')}\n` });
};

const counted = async ({ ann }: Scene, { machine: { host } }: Peer): Promise<number> => {
  const text = await ann.machine.host.sure(['nft', 'list', 'table', 'inet', 'watch']);
  return text
    .split('\n')
    .filter((line) => line.includes(` ${host.address} `))
    .reduce((sum, line) => sum + Number(/packets (\d+)/.exec(line)?.[1] ?? 0), 0);
};

const newcomers = async (scene: Scene): Promise<Peer[]> => {
  const peers: Peer[] = [];
  for (let number = 0; number < ONLINE + 1; number++) {
    const { peer } = await scene.install(await scene.invite());
    await scene.goLive(peer);
    peers.push(peer);
  }
  return peers;
};

const measure = async (say: (progress: string) => void): Promise<Measured[]> => {
  const scene = await Scene.create(PATHS[0] as Path);
  try {
    const [gone, ...online] = await newcomers(scene);
    if (!gone) return [];
    await gone.machine.host.sure(['ip', 'link', 'set', 'eth0', 'down']);
    // By then those who are there know what each tunnel needs, and the one who left has been given up.
    await pause(SETTLE_MS + 180_000);
    say(`keepalive: ${online.length} peers are up and one is gone; now they are watched`);
    await count(scene, [gone, ...online]);
    await pause(WATCHED_MS);
    const perSecond = async (peer: Peer): Promise<number> =>
      (await counted(scene, peer)) / (WATCHED_MS / 1000);
    const rates = await Promise.all(online.map(perSecond));
    const offline = await perSecond(gone);
    const mean = rates.reduce((sum, rate) => sum + rate, 0) / rates.length;
    return [
      beside({ name: 'packets for an idle peer', unit: '1/s' }, [mean], [OF_BOTH_SIDES], { atMost: 1 }),
      beside({ name: 'packets for a peer that is gone', unit: '1/s' }, [offline], [OF_BOTH_SIDES], {
        atMost: 1,
      }),
      alone({ name: `so for ${MANY} idle peers`, unit: '1/s' }, [mean * MANY]),
      alone({ name: '… where all are behind routers', unit: '1/s' }, [OF_BOTH_SIDES * MANY]),
    ];
  } finally {
    await scene.close();
  }
};

export const keepalive: Row = {
  name: 'keepalive',
  what: 'WireGuard packets a second for each idle peer, for one that is gone; yardstick: keepalive from both sides',
  measure,
};

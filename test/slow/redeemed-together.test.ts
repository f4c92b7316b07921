// R22: twenty machines install at one moment with the real program; answers come late, are lost, or meet a dead program: all join.
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { CLIENT, type Host, reaches, SERVER, SmallNetwork, until } from '../e2e/small-network.ts';
import { diceOf, sayTried, seed } from '../torture/seed.ts';

const GUESTS = 20;
/** What the server says over HTTP does not arrive. */
const DEAF =
  'table inet deaf { chain in { type filter hook input priority 0; iifname "acme" tcp sport 51820 tcp flags & psh == psh drop; }; }\n';
/** How often a user tries again. */
const PATIENCE = 6;

const dice = diceOf(seed);
const tried = new Map<string, number>();
const count = (what: string): void => void tried.set(what, (tried.get(what) ?? 0) + 1);

type Guest = { name: string; host: Host; invitation: string; fate: 'heard' | 'late' | 'lost' | 'killed' };

let network: SmallNetwork;
let isOver = false;
/** Names of those who have redeemed, looked up for all at once. */
const redeemed = new Set<string>();
beforeEach(async () => {
  network = await SmallNetwork.create();
});
afterEach(async () => {
  isOver = true;
  await network.close();
});

type Row = { name: string; isRedeemed: boolean };
const peers = async (): Promise<Row[]> =>
  JSON.parse(await network.server.sure([...SERVER, 'list-peers', 'acme', '--json']));

const watch = async (): Promise<void> => {
  while (!isOver) {
    for (const { name, isRedeemed } of await peers()) if (isRedeemed) redeemed.add(name);
    await pause(500);
  }
};

const fateOf = (chance: number): Guest['fate'] => {
  if (chance < 0.25) return 'heard';
  if (chance < 0.5) return 'late';
  return chance < 0.75 ? 'lost' : 'killed';
};

const invited = async (n: number): Promise<Guest> => {
  const name = `guest${n}`;
  const delayMs = dice() < 0.5 ? Math.ceil(dice() * 40) : 0;
  const [host, invitation] = [await network.lab.host(name, { delayMs }), await network.invite(name)];
  return { name, host, invitation, fate: fateOf(dice()) };
};

/** As a user does: again until it works. */
const install = async ({ host, invitation }: Guest): Promise<void> => {
  for (let attempt = 1; ; attempt += 1) {
    const { code, stderr } = await host.exec([...CLIENT, 'install', invitation], { timeout: 120_000 });
    if (code === 0) return;
    count('installs that had to be said again');
    if (attempt === PATIENCE) throw new Error(`${host.name}: ${stderr}`);
  }
};

const join = async (guest: Guest): Promise<void> => {
  const { host, invitation, fate, name } = guest;
  count(`answers ${fate === 'killed' ? 'to a program that was killed' : fate}`);
  if (fate === 'heard') return install(guest);
  await host.sure(['nft', '-f', '-'], { input: DEAF });
  const hear = () => host.sure(['nft', 'delete', 'table', 'inet', 'deaf']);
  if (fate === 'killed') {
    const installing = host.spawn([...CLIENT, 'install', invitation]);
    await until(`${name} is redeemed`, async () => redeemed.has(name), 200);
    installing.kill('SIGKILL');
    await installing.ended;
    await hear();
    return install(guest);
  }
  const installing = install(guest);
  // Late: TCP repeats it. Lost: the program gives up waiting, and cannot know which of its keys is taken.
  await until(`${name} is redeemed`, async () => redeemed.has(name), 200);
  await pause(fate === 'late' ? dice() * 3_000 : 12_000);
  await hear();
  return installing;
};

it('R22: all join, each once and with its own key', { timeout: 900_000 }, async () => {
  const guests: Guest[] = [];
  for (let n = 1; n <= GUESTS; n += 1) guests.push(await invited(n));
  const start = performance.now();
  const watching = watch();
  await Promise.all(guests.map(join)).finally(() => {
    isOver = true;
  });
  await watching;
  tried.set('s until all had joined', Math.round((performance.now() - start) / 1000));
  const rows = await peers();
  for (const { name, host } of guests) {
    const own = (await host.sure(['wg', 'show', 'acme', 'public-key'])).trim();
    const peer = rows.find((one) => one.name === name);
    expect(peer).toMatchObject({ isRedeemed: true, publicKey: own });
    expect(await reaches(host, '10.42.0.1', 3), name).toBe(true);
    expect((await host.sure(['ls', '-A', '/etc/innernet'])).trim()).toBe('acme.conf');
  }
  const history = await network.server.sure([...SERVER, 'history', 'acme', '--json']);
  expect(history.match(/"InvitationRedeemed"/g)?.length).toBe(GUESTS);
  sayTried('R22, real programs', tried);
});

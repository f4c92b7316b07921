// R6, R18, R23: programs of the server's machine against the API, in every interleaving that chance gives: one winner, and losers that hear why.
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { bundleForRun } from '../../scripts/build.js';
import type { Peer } from '../../src/domain/peer.ts';
import { eventOf } from '../../src/events/upcast.ts';
import { COMMANDS_PATH } from '../../src/protocol/http.ts';
import type { V1Peer } from '../../src/protocol/v1.ts';
import { formatConf } from '../../src/server/disk/conf.ts';
import { verifyChain } from '../../src/store/verify.ts';
import type { CidrId } from '../../src/values/id.ts';
import { type Cidr, Ip } from '../../src/values/ip.ts';
import type { Hostname } from '../../src/values/name.ts';
import { keyOf, keysOf } from '../acme.ts';
import type { Asked } from '../given.ts';
import { ended } from '../server/program.ts';
import { ServedNetwork } from '../server/served-network.ts';
import { below, oneOf, Tally } from './hostile.ts';
import { diceOf, roundsOr, sayTried, seed } from './seed.ts';

const dice = diceOf(seed);
const RIVALS = 4;
/** Where all come and go: no address comes back, so thousands of rounds need room. */
const RACERS = 'racers' as Hostname;

let served: ServedNetwork;
const rivals: Rival[] = [];
const admins: Peer[] = [];
let serial = 0;
const nextSerial = (): number => {
  serial += 1;
  return serial;
};
let turn = 0;
const nextAdmin = (): Peer => admins[turn++ % admins.length] as Peer;

type Answer = { position?: number; hash?: string; refused?: string };

/** Another process on the same log. */
class Rival {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #lines: Interface;

  constructor(program: string, file: string) {
    this.#child = spawn(process.execPath, [program, file]);
    this.#lines = createInterface({ input: this.#child.stdout });
    this.#child.stderr.on('data', (text) => process.stderr.write(text));
  }

  async hear(): Promise<Answer> {
    const [line] = (await once(this.#lines, 'line')) as [string];
    return JSON.parse(line);
  }

  ask(asked: Asked, { commandId, wait = below(dice, 3_000) }: { commandId?: string; wait?: number } = {}) {
    const heard = this.hear();
    this.#child.stdin.write(`${JSON.stringify({ asked, commandId, wait })}\n`);
    return heard;
  }

  async end(): Promise<void> {
    this.#child.stdin.end();
    await once(this.#child, 'close');
  }
}

beforeAll(async () => {
  served = await ServedNetwork.start();
  await served.run({ type: 'AddCidr', name: RACERS, cidr: '127.42.128.0/17' as Cidr });
  for (let n = 0; n < 20; n += 1) admins.push(await served.peer(`admin${n}`, { admin: true }));
  const program = await bundleForRun(fileURLToPath(new URL('rival.ts', import.meta.url)), 'run-rival');
  for (let n = 0; n < RIVALS; n += 1) rivals.push(new Rival(program, served.log.file));
  await Promise.all(rivals.map((rival) => rival.hear()));
}, 120_000);
afterAll(async () => {
  await Promise.all(rivals.map((rival) => rival.end()));
  await served.close();
});

/** A while that differs from round to round, so that the two sides meet at each of their steps. */
const aWhile = (): Promise<void> => (dice() < 0.3 ? Promise.resolve() : sleep(dice() * 4));

/** The same question as our own client puts it. */
const viaApi = async (asked: Asked, commandId = `race-${nextSerial()}`): Promise<Answer> => {
  await aWhile();
  const { status, json } = await served.call(COMMANDS_PATH, {
    from: nextAdmin().ip,
    method: 'POST',
    body: { id: commandId, command: asked },
  });
  const answer = json() as { position?: number; code?: string };
  return status < 300 ? { position: answer.position ?? 0 } : { refused: answer.code ?? String(status) };
};

const settled = async (): Promise<void> => {
  const { position } = await served.log.head();
  await served.live.reached(position);
};

const newPeer = (name: string, more: Partial<Extract<Asked, { type: 'AddPeer' }>> = {}): Asked => ({
  type: 'AddPeer',
  name,
  cidr: RACERS,
  isAdmin: false,
  publicKey: keyOf(`${name} ${nextSerial()}`),
  inviteExpires: null,
  ...more,
});

const codes = (answers: readonly Answer[]): string[] =>
  answers.map(({ refused }) => refused ?? 'done').sort();

const oneWins = (answers: readonly Answer[], loss: string): void =>
  expect(codes(answers)).toEqual([...answers.slice(1).map(() => loss), 'done'].sort());

/** In place of a status: the connection ended with the peer's right to its address. */
const CUT_OFF = 0;

const redeem = async (peer: Peer, owner: string): Promise<number> => {
  await aWhile();
  const body = { public_key: keyOf(owner) };
  const call = served.call('/v1/user/redeem', { from: peer.ip, method: 'POST', body });
  // An address that may go to somebody else this very moment is cut off instead of answered.
  return call.then(({ status }) => status).catch(() => CUT_OFF);
};

/** At an address of its own: one of an invitation that ended takes no connection for some seconds. */
const invited = (name: string, expires: string | null = null): Promise<Peer> => {
  const number = 0x4000 + nextSerial();
  const ip = `127.42.${128 + (number >> 8)}.${number & 0xff}` as Ip;
  return served.peer(name, { cidr: RACERS, invited: true, expires, ip });
};

const RACES: { [name: string]: (name: string) => Promise<void> } = {
  'rename against add': async (name) => {
    await served.peer(`${name}-old`, { cidr: RACERS });
    const rename: Asked = { type: 'RenamePeer', peer: `${name}-old`, name };
    const [left, right] = dice() < 0.5 ? [rename, newPeer(name)] : [newPeer(name), rename];
    oneWins(await Promise.all([viaApi(left), (rivals[0] as Rival).ask(right)]), 'PeerNameTaken');
  },
  'fifty for one name': async (name) => {
    const own = Array.from({ length: 10 }, () => viaApi(newPeer(name)));
    const others = rivals.map(async (rival) => {
      const answers: Answer[] = [];
      for (let n = 0; n < 10; n += 1) answers.push(await rival.ask(newPeer(name)));
      return answers;
    });
    oneWins((await Promise.all([Promise.all(own), ...others])).flat(), 'PeerNameTaken');
  },
  'one address': async (name) => {
    const ip = `127.42.${192 + below(dice, 63)}.${below(dice, 256)}`;
    if (served.network.peerAt(Ip.parse(ip)) || served.network.isRetiredIp(Ip.parse(ip))) return;
    const asked = [0, 1, 2, 3].map((n) => newPeer(`${name}-${n}`, { ip }));
    oneWins(
      await Promise.all(asked.map((each, n) => (n === 0 ? viaApi(each) : (rivals[n] as Rival).ask(each)))),
      'IpTaken',
    );
  },
  'one key': async (name) => {
    const asked = [0, 1, 2].map((n) => newPeer(`${name}-${n}`, { publicKey: keyOf(name) }));
    oneWins(
      await Promise.all(asked.map((each, n) => (n === 0 ? viaApi(each) : (rivals[n] as Rival).ask(each)))),
      'KeyTaken',
    );
  },
  'one command id': async (name) => {
    const asked = newPeer(name);
    const answers = await Promise.all(rivals.map((rival) => rival.ask(asked, { commandId: name })));
    expect(new Set(answers.map(({ position }) => position)).size).toBe(1);
    expect(codes(answers)).toEqual(['done', 'done', 'done', 'done']);
    const other = newPeer(`${name}-other`);
    expect((await (rivals[0] as Rival).ask(other, { commandId: name })).refused).toBe('CommandIdReused');
  },
  'disable against redeem': async (name) => {
    const peer = await invited(name);
    const disable: Asked = { type: 'DisablePeer', peer: peer.id };
    const [status, { refused }] = await Promise.all([redeem(peer, name), (rivals[1] as Rival).ask(disable)]);
    await settled();
    expect(refused).toBeUndefined();
    // Cut off: its right had ended before a word of the call was read.
    expect([204, 401, CUT_OFF]).toContain(status);
    const { isDisabled, isRedeemed, publicKey } = served.network.peer(peer.id) as Peer;
    expect([isDisabled, isRedeemed]).toEqual([true, status === 204]);
    expect(publicKey === keyOf(name)).toBe(status === 204);
  },
  'delete against redeem': async (name) => {
    const peer = await invited(name);
    const remove: Asked = { type: 'DeletePeer', peer: peer.id };
    const [status, { refused }] = await Promise.all([redeem(peer, name), (rivals[1] as Rival).ask(remove)]);
    await settled();
    expect(refused).toBeUndefined();
    expect([204, 401, CUT_OFF]).toContain(status);
    expect(served.network.peer(peer.id)).toBeUndefined();
  },
  'expiry against redemption': async (name) => {
    const end = Date.now() + 15 + below(dice, 15);
    const peer = await invited(name, new Date(end).toISOString());
    const expire: Asked = { type: 'ExpireInvitations' };
    const redeeming = sleep(8 + below(dice, 20)).then(() => redeem(peer, name));
    const expiring = sleep(8 + below(dice, 20)).then(() => (rivals[2] as Rival).ask(expire));
    const [status] = await Promise.all([redeeming, expiring]);
    while (Date.now() <= end) await sleep(1);
    await (rivals[2] as Rival).ask(expire);
    await settled();
    expect([204, 401, 410, CUT_OFF]).toContain(status);
    const after = served.network.peer(peer.id);
    expect(after?.isRedeemed ?? false).toBe(status === 204);
    if (status !== 204) expect(served.network.peerNamed(name)).toBeUndefined();
  },
  'two keys for one invitation': async (name) => {
    const peer = await invited(name);
    const owners = [name, `${name} too`];
    const statuses = await Promise.all(owners.map((owner) => redeem(peer, owner)));
    await settled();
    expect([...statuses].sort()).toEqual([204, 410]);
    const winner = owners[statuses.indexOf(204)] ?? '';
    expect(served.network.peer(peer.id)?.publicKey).toBe(keyOf(winner));
    expect(await redeem(peer, winner)).toBe(204);
  },
  'an old list against a disabling': async (name) => {
    const peer = await served.peer(name, { cidr: RACERS });
    const admin = nextAdmin();
    const list = (await served.call('/v1/admin/peers', { from: admin.ip })).json() as V1Peer[];
    const old = list.find(({ id }) => id === peer.id);
    const [{ status }, { refused }] = await Promise.all([
      aWhile().then(() =>
        served.call(`/v1/admin/peers/${peer.id}`, {
          from: admin.ip,
          method: 'PUT',
          body: { ...old, name: `${name}-new` },
        }),
      ),
      (rivals[3] as Rival).ask({ type: 'DisablePeer', peer: peer.id }),
    ]);
    await settled();
    expect([status, refused]).toEqual([204, undefined]);
    expect(served.network.peer(peer.id)).toMatchObject({ name: `${name}-new`, isDisabled: true });
  },
};

/** What holds after all races: one history for all, and everything in it once. */
const expectOneHistory = async (): Promise<void> => {
  await settled();
  await verifyChain(served.log);
  const events = (await served.log.read(0, 1_000_000)).map(eventOf);
  const keys = events.flatMap((event) =>
    event.type === 'PeerAdded' || event.type === 'InvitationRedeemed' ? [event.publicKey] : [],
  );
  expect(new Set(keys).size).toBe(keys.length);
  const redeemed = events.flatMap((event) => (event.type === 'InvitationRedeemed' ? [event.peerId] : []));
  expect(new Set(redeemed).size).toBe(redeemed.length);
  const ips = [...served.network.peers()].map(({ ip }) => ip);
  expect(new Set(ips).size).toBe(ips.length);
};

it('R6: every race has one winner, and every loser hears why', { timeout: 3_600_000 }, async () => {
  const tried = new Tally();
  const names = Object.keys(RACES);
  for (let round = 0; round < roundsOr(60); round += 1) {
    const name = round < names.length ? (names[round] ?? '') : oneOf(dice, names);
    await RACES[name]?.(`r${round}`).catch((error: Error) => {
      error.message = `${name}, round ${round}: ${error.message}`;
      throw error;
    });
    tried.add(name);
    // Whoever asks more often than a peer may is refused for that.
    await sleep(20);
    const racers = served.network.cidrNamed(RACERS)?.id as CidrId;
    for (const peer of [...served.network.peersIn(racers)].slice(0, 40))
      if (served.network.peerCount > 150)
        await served.run({ type: 'DeletePeer', peer: peer.id, confirmed: true });
  }
  await expectOneHistory();
  expect(served.troubles).toEqual([]);
  sayTried('R6', tried.counts);
});

it('R6: the program itself, several times at once, against the API', { timeout: 120_000 }, async () => {
  const folder = join(served.folder, 'etc');
  mkdirSync(folder, { recursive: true });
  const conf = {
    privateKey: keysOf('server').privateKey,
    ...{ listenPort: served.port, address: Ip.parse('127.42.0.1'), prefix: 16 },
  };
  writeFileSync(join(folder, 'acme.conf'), formatConf(conf), { mode: 0o600 });
  const program = fileURLToPath(new URL('../../dist/innernet-server.js', import.meta.url));
  const run = (n: number) =>
    ended(
      spawn(process.execPath, [
        ...[
          program,
          '--config-dir',
          folder,
          '--data-dir',
          served.folder,
          'add-peer',
          'acme',
          '--name',
          'kim',
        ],
        ...['--cidr', RACERS, '--auto-ip', '--admin', 'false', '--invite-expires', '1d', '--yes'],
        ...['--save-config', join(served.folder, `kim-${n}.toml`)],
      ]),
    );
  const programs = Promise.all([1, 2, 3].map(run));
  await sleep(200);
  const answers: Answer[] = [];
  for (let n = 0; n < 20; n += 1) answers.push(await viaApi(newPeer('kim')));
  const results = await programs;
  const wins =
    answers.filter(({ refused }) => !refused).length + results.filter(({ code }) => code === 0).length;
  expect(wins).toBe(1);
  for (const { code, stderr } of results)
    if (code !== 0) expect(stderr).toMatch(/"kim" is (taken|already)|another peer/);
  for (const { refused } of answers) if (refused) expect(refused).toBe('PeerNameTaken');
  await expectOneHistory();
});

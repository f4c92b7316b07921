/** Appends that a standby on the same disk is waited for, beside appends alone, and how fast one catches up. */
import { randomBytes } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ulid } from 'ulid';
import { WebSocketServer } from 'ws';
import type { Peer } from '../src/domain/peer.ts';
import { LOG_SUBPROTOCOL } from '../src/protocol/log-frames.ts';
import { PROOF_HEADER } from '../src/protocol/proof-header.ts';
import { ControlPlane } from '../src/server/commands/control-plane.ts';
import { Live } from '../src/server/live/live.ts';
import { Observations } from '../src/server/observations/observations.ts';
import { Proofs } from '../src/server/proof/proofs.ts';
import { ServerClock } from '../src/server/proof/server-clock.ts';
import { Standbys } from '../src/server/standby/standbys.ts';
import { Hash, type Position } from '../src/values/id.ts';
import type { Cidr } from '../src/values/ip.ts';
import { keyPairFrom } from '../src/values/key-pair.ts';
import { alone, beside, type Measured, type Row } from './figure.ts';
import { Child } from './load/orders.ts';
import { ACTOR, Bench } from './log.ts';
import { interleave, timed } from './sample.ts';
import { scaled } from './scale.ts';
import { withFolder } from './scratch.ts';

const ROUNDS = 25;
const COMMANDS = 50;
const CATCH_UP_RECORDS = 100_000;
const AT_ONCE = 100;

type Plane = Pick<ControlPlane, 'execute'>;

/** Milliseconds for one command after another. */
const inTurn = async (plane: Plane, bench: Bench): Promise<number> => {
  const commands = Array.from({ length: COMMANDS }, () => bench.addPeer());
  const took = await timed(async () => {
    for (const command of commands) await plane.execute(command, { actor: ACTOR, commandId: ulid() });
  });
  return took / COMMANDS;
};

/** A log with a named standby, served to it as `serve` does. */
class Followed {
  readonly plane: Plane;
  readonly standbys: Standbys;
  readonly #bench: Bench;
  readonly #server = createServer();
  readonly #keys = { server: keyPairFrom(randomBytes(32)), standby: keyPairFrom(randomBytes(32)) };

  private constructor(folder: string, bench: Bench, live: Live) {
    const { log } = bench;
    this.#bench = bench;
    const clock = new ServerClock();
    this.standbys = new Standbys({
      log,
      live,
      observations: new Observations(clock.boot, '10.0.0.0/7' as Cidr),
      now: Date.now,
      file: join(folder, 'acme.standing'),
      say: () => {},
      report: (trouble, error) => console.error(`bench: ${trouble}:`, error),
    });
    this.plane = this.standbys.holding(new ControlPlane(this.standbys.telling(log), live));
    const proofs = new Proofs(this.#keys.server.privateKey, live, clock);
    const sockets = new WebSocketServer({ server: this.#server, handleProtocols: () => LOG_SUBPROTOCOL });
    sockets.on('connection', (socket, { method = '', url: target = '', headers }) => {
      const call = { purpose: 'stream', method, target, body: new Uint8Array() } as const;
      const evidence = proofs.evidenceOf(call, headers[PROOF_HEADER], [this.#keys.standby.publicKey]);
      const query = new URL(target, 'http://server').searchParams;
      const head = { position: Number(query.get('position')), hash: Hash.parse(query.get('hash')) };
      const peer = live.network.peerNamed('standby') as Peer;
      if (evidence)
        this.standbys.attach(socket, peer, head, { evidence, moment: proofs.moment, proved: () => true });
    });
  }

  static async create(folder: string): Promise<Followed> {
    const bench = await Bench.create(folder);
    const add = { ...bench.addPeer(), name: 'standby' };
    await bench.execute(add);
    const live = await Live.load(bench.log);
    const followed = new Followed(folder, bench, live);
    const peer = live.network.peerNamed('standby') as Peer;
    const redeem = { type: 'RedeemInvitation', publicKey: followed.#keys.standby.publicKey } as const;
    await followed.plane.execute(redeem, { actor: { kind: 'peer', peerId: peer.id }, isProved: true });
    await followed.plane.execute({ type: 'NameStandby', peer: 'standby' } as never, { actor: ACTOR });
    await new Promise<void>((resolve) => followed.#server.listen(0, '127.0.0.1', resolve));
    return followed;
  }

  get bench(): Bench {
    return this.#bench;
  }

  /** A standby of its own process, with a log in this folder. */
  async follow(folder: string): Promise<Child> {
    mkdirSync(folder);
    const child = await Child.bundled('standby-host');
    const { port } = this.#server.address() as AddressInfo;
    const { server, standby } = this.#keys;
    const privateKey = standby.privateKey.reveal();
    await child.ask('follow', { folder, port, privateKey, serverKey: server.publicKey });
    return child;
  }

  get position(): Position {
    return this.standbys.report().standbys[0]?.position ?? 0;
  }

  async level(): Promise<void> {
    while (!this.standbys.gate.isAnyLevel) await sleep(1);
  }

  close(): void {
    this.standbys.close();
    this.#server.close();
    this.#server.closeAllConnections();
  }
}

/** Many at once, since they are only there to be caught up on. */
const fill = async ({ plane, bench }: Followed, records: number): Promise<void> => {
  for (let left = records; left > 0; left -= AT_ONCE)
    await Promise.all(
      Array.from({ length: AT_ONCE }, () =>
        plane.execute(bench.addPeer(), { actor: ACTOR, commandId: ulid() }),
      ),
    );
};

const measure = (say: (progress: string) => void): Promise<Measured[]> =>
  withFolder(async (folder) => {
    for (const name of ['alone', 'server']) mkdirSync(join(folder, name));
    const single = await Bench.create(join(folder, 'alone'));
    const followed = await Followed.create(join(folder, 'server'));
    const first = await followed.follow(join(folder, 'standby'));
    try {
      await followed.level();
      let left = 0;
      const waited = async (): Promise<number> => {
        await followed.level();
        const took = await inTurn(followed.plane, followed.bench);
        if (!followed.standbys.gate.isAnyLevel) left += 1;
        return took;
      };
      const [both = [], one = []] = await interleave(ROUNDS, [waited, () => inTurn(single.control, single)]);
      say(`standby: was left behind in ${left} of ${ROUNDS + 1} rounds`);
      await first.stop();
      await fill(followed, scaled(CATCH_UP_RECORDS) - (await followed.bench.log.head()).position);
      const { position } = await followed.bench.log.head();
      const second = await followed.follow(join(folder, 'second'));
      const took = await timed(async () => {
        while (!followed.standbys.gate.isAnyLevel || followed.position < position) await sleep(10);
      });
      await second.stop();
      return [
        beside({ name: 'standby: append that it is waited for', unit: 'ms' }, both, one, { atMost: 2 }),
        alone({ name: `standby: ${position} records caught up`, unit: 's' }, [took / 1000]),
      ];
    } finally {
      await first.stop();
      followed.close();
      await followed.bench.close();
      await single.close();
    }
  });

export const standby: Row = {
  name: 'standby',
  what: 'an append that a standby on the same disk is waited for; yardstick: alone; and how long one takes to catch up',
  measure,
};

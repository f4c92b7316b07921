// One story in three worlds: proofs by both ends, a client that makes none, a server that knows none. Each writes down what
// can be observed: answers, frames after the opening, state files, steps for WireGuard, and the log at the end. After each
// act everybody waits for all that follows from it, so that nothing depends on who was quicker.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, connect as dial, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Prover } from '../../src/caller/prover.ts';
import type { Connect } from '../../src/caller/way.ts';
import { Api, CallRefused, NoTime } from '../../src/client/api/api.ts';
import { Journal } from '../../src/client/memory/journal.ts';
import type { Changes, Effect, Verdict } from '../../src/client/memory/mirror.ts';
import { Trust } from '../../src/client/memory/trust.ts';
import type { End } from '../../src/client/sync/end.ts';
import { Stream } from '../../src/client/sync/stream.ts';
import type { Peer } from '../../src/domain/peer.ts';
import { Rejected } from '../../src/domain/rejection.ts';
import { mayConnect } from '../../src/domain/rights.ts';
import { viewOf } from '../../src/domain/views.ts';
import { visiblePeers } from '../../src/domain/visibility.ts';
import { clientCan } from '../../src/protocol/can.ts';
import { CLOSE, type ServerFrame } from '../../src/protocol/frames.ts';
import { COMMANDS_PATH, NETWORK_PATH, PAST_PATH, REDEEM_PATH } from '../../src/protocol/http.ts';
import { PROOF_HEADER } from '../../src/protocol/proof-header.ts';
import { hostOf, portOf, type SocketAddress } from '../../src/values/endpoint.ts';
import type { PeerId } from '../../src/values/id.ts';
import { type Cidr, type Ip, singleton } from '../../src/values/ip.ts';
import type { PublicKey } from '../../src/values/key.ts';
import type { KeyPair } from '../../src/values/key-pair.ts';
import { stepsForDelta } from '../../src/wireguard/plan.ts';
import { keyOf, keysOf } from '../acme.ts';
import { Questions, type Throw } from '../commands.ts';
import { ServedNetwork } from './served-network.ts';

export type World = 'proofs by both ends' | 'a client without' | 'a server without';
export const WORLDS: readonly World[] = ['proofs by both ends', 'a client without', 'a server without'];

/** By the names of machines, and `server`. */
export type Told = Record<string, unknown[]>;

export type Act =
  | { act: 'command'; thrown: Throw }
  | { act: 'read'; who: number; what: number }
  | { act: 'observe'; who: number; port: number }
  | { act: 'leave' | 'come'; who: number }
  | { act: 'join' };

const RANGE = '127.42.0.0/16' as Cidr;
const SERVER_IP = '127.42.0.1' as Ip;
const READS = ['state', 'capabilities', 'snapshot', 'network', 'history', 'why', 'diff', 'nothing'] as const;
/** Beside the rules for proofs themselves, which differ by design. */
const OF_PROOFS = /"(RequireProof|WaiveProof|RecordProofs)"/;

/** A server of before proofs: of what a client sends it never sees the header. */
class BeforeProofs {
  readonly #servers: Server[] = [];
  readonly #sockets: Socket[] = [];

  async openedFor(ip: Ip, there: SocketAddress): Promise<number> {
    const server = createServer((near) => {
      const far = dial({ host: hostOf(there), port: portOf(there), localAddress: ip });
      this.#sockets.push(near, far);
      for (const socket of [near, far]) socket.on('error', () => {});
      near.on('data', (chunk) => far.write(withoutHeader(chunk as Buffer)));
      near.on('close', () => far.destroy());
      far.on('close', () => near.destroy());
      far.pipe(near);
    });
    this.#servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return (server.address() as { port: number }).port;
  }

  close(): void {
    for (const socket of this.#sockets) socket.destroy();
    for (const server of this.#servers) server.close();
  }
}

const withoutHeader = (chunk: Buffer): Buffer =>
  Buffer.from(
    chunk.toString('latin1').replaceAll(new RegExp(PROOF_HEADER, 'gi'), 'x-innernet-older'),
    'latin1',
  );

const until = async (isSo: () => boolean): Promise<void> => {
  while (!isSo()) await new Promise((resolve) => setTimeout(resolve, 5));
};

/** The server has no place or no time for it just now: our client tries again, so this is nothing that differs. */
const isLater = (error: unknown): boolean =>
  error instanceof NoTime ||
  (error instanceof CallRefused && error.status === 429) ||
  /^the server does not answer/.test((error as Error).message);

const LATER_MS = 100;
const later = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, LATER_MS));

const patiently = async <T>(call: () => Promise<T>): Promise<T> => {
  for (;;) {
    try {
      return await call();
    } catch (error) {
      if (!isLater(error)) throw error;
      await later();
    }
  }
};

/** An opening that took too long, on a machine that is busy with other things. */
const isTooLate = (end: End): boolean =>
  end.kind === 'lost' ||
  (end.kind === 'refused' && end.status === 429) ||
  (end.kind === 'closed' && (end.code === CLOSE.unproved || end.code === CLOSE.tooMany));
const MAX_OPENINGS = 20;

const isOwn = (end: End): boolean => end.kind === 'lost' && end.loss === 'stopping';

/** A machine in the network: what it follows is judged, written down and taken as our client does it. */
class Machine {
  readonly name: string;
  readonly key: PublicKey;
  readonly ip: Ip;
  readonly api: Api;
  readonly #journal: Journal;
  readonly #paths: { state: string; journal: string };
  readonly #connect: Connect;
  readonly #prover: Prover | undefined;
  readonly #trust: Trust | undefined;
  readonly #served: ServedNetwork;
  readonly #id: PeerId;
  readonly #note: (what: unknown) => void;
  #stream: Stream | undefined;
  #turns = Promise.resolve();
  #ended: Promise<void> = Promise.resolve();
  #observed = new Map<PeerId, unknown>();

  private constructor(
    served: ServedNetwork,
    peer: Peer,
    keys: KeyPair,
    ways: {
      connect: Connect;
      journal: Journal;
      paths: { state: string; journal: string };
      prover?: Prover;
      trust?: Trust;
    },
    note: (what: unknown) => void,
  ) {
    this.name = peer.name;
    this.key = keys.publicKey;
    this.#journal = ways.journal;
    this.#paths = ways.paths;
    this.#connect = ways.connect;
    this.#prover = ways.prover;
    this.#trust = ways.trust;
    this.#served = served;
    this.#id = peer.id;
    this.ip = peer.ip;
    this.#note = note;
    const { prover, trust } = ways;
    const way = { open: async () => ({ device: 1, connect: ways.connect }) };
    const proofs = prover && trust && { prover, trust };
    this.api = new Api(served.endpoint as SocketAddress, served.serverKey, way, proofs);
  }

  static async of(
    served: ServedNetwork,
    peer: Peer,
    keys: KeyPair,
    { world, folder, before }: { world: World; folder: string; before: BeforeProofs },
    note: (what: unknown) => void,
  ): Promise<Machine> {
    const paths = { state: join(folder, `${peer.name}.json`), journal: join(folder, `${peer.name}.journal`) };
    const ground = {
      range: RANGE,
      own: { ip: peer.ip, publicKey: keys.publicKey },
      server: { ip: SERVER_IP, publicKey: served.serverKey },
    };
    const journal = await Journal.open(paths, ground);
    const there = served.endpoint as SocketAddress;
    const port = world === 'a server without' ? await before.openedFor(peer.ip, there) : undefined;
    const connect: Connect = () =>
      port === undefined
        ? dial({ host: hostOf(there), port: portOf(there), localAddress: peer.ip })
        : dial({ host: '127.0.0.1', port });
    if (world === 'a client without')
      return new Machine(served, peer, keys, { connect, journal, paths }, note);
    const prover = new Prover(keys.privateKey, served.serverKey);
    const trust = await Trust.read(join(folder, `${peer.name}.proved`), served.serverKey);
    if (world === 'a server without') await trust.acknowledge();
    return new Machine(served, peer, keys, { connect, journal, paths, prover, trust }, note);
  }

  get isThere(): boolean {
    return this.#stream !== undefined;
  }

  /** What a call gives, or how it is refused. */
  async asks(call: Parameters<Api['send']>[0]): Promise<unknown> {
    return patiently(() => this.api.send(call)).then(
      ({ status, body }) => ({ status, body: body.length > 0 ? JSON.parse(body.toString()) : null }),
      (error: Error & { hint?: string }) => ({
        error: error.constructor.name,
        is: error.message,
        hint: error.hint,
      }),
    );
  }

  /** Resolves when it has been welcomed or refused. */
  async come(): Promise<void> {
    await this.leave();
    for (let openings = 1; ; openings++) {
      const end = await this.#open();
      if (!end) return;
      if (!isTooLate(end) || openings === MAX_OPENINGS) {
        this.#note({ end });
        return;
      }
      await later();
    }
  }

  /** Resolves when the server knows it too: until then it counts as a listener. */
  async leave(): Promise<void> {
    const stream = this.#stream;
    this.#stream = undefined;
    stream?.cut('stopping');
    await this.#ended;
    await until(() => [...this.#served.hub.members()].every(({ peerId }) => peerId !== this.#id));
  }

  /** Resolves when all that was sent to it by now has been taken. */
  async settle(): Promise<void> {
    const stream = this.#stream;
    if (!stream) return;
    await Promise.race([stream.level(), this.#ended]);
    await this.#turns;
  }

  /** Whether it knows where these are, as the server has seen them: they are told a moment later than the rest. */
  knows(observed: ReadonlyMap<PeerId, unknown>): boolean {
    return [...observed].every(([id, row]) => JSON.stringify(this.#observed.get(id)) === JSON.stringify(row));
  }

  /** Lets go of what it has open, and says nothing more. */
  async forget(): Promise<void> {
    await this.#journal.close();
    this.api.close();
  }

  async close(): Promise<void> {
    await this.leave();
    await this.#turns;
    await this.#journal.fold();
    this.#note({ state: JSON.parse(readFileSync(this.#paths.state, 'utf8')) });
    await this.forget();
  }

  /** What it ended with, if that was before the welcome. */
  #open(): Promise<End | undefined> {
    const { head, filled } = this.#journal.kept.mirror;
    const query = {
      ...(head ? { position: head.position, hash: head.hash } : {}),
      ...(head && !filled ? { state: 'none' as const } : {}),
    };
    const { endpoint, serverKey: key } = this.#served;
    const server = { endpoint: endpoint as SocketAddress, key };
    const options = { server, connect: this.#connect, query, prover: this.#prover, patience: 20_000 };
    return new Promise((opened) => {
      this.#ended = new Promise((ended) => {
        let isWelcomed = false;
        const onFrame = async (frame: ServerFrame): Promise<void> => {
          await this.#onFrame(frame);
          if (frame.kind !== 'welcome') return;
          isWelcomed = true;
          opened(undefined);
        };
        const onEnd = async (end: End): Promise<void> => {
          if (this.#stream === stream) this.#stream = undefined;
          if (isWelcomed && !isOwn(end)) this.#note({ end: end.kind === 'lost' ? 'lost' : end });
          opened(end);
          ended();
        };
        const stream: Stream = new Stream(options, {
          opened: (isProved) => this.#hear(isProved),
          frame: (frame) => this.#take(() => onFrame(frame)),
          unknown: (kind) => this.#note({ unknown: kind }),
          late: () => {},
          end: (end) => void this.#take(() => onEnd(end)),
        });
        this.#stream = stream;
      });
    });
  }

  #hear(isProved: boolean): void {
    const { mirror } = this.#journal.kept;
    mirror.isProved = isProved;
    const doubt = isProved ? undefined : this.#trust?.doubtOf({ knowsHistory: mirror.head !== undefined });
    if (doubt) this.#note({ doubt });
  }

  #take(act: () => Promise<void>): Promise<void> {
    this.#turns = this.#turns.then(act);
    return this.#turns;
  }

  async #onFrame(frame: ServerFrame): Promise<void> {
    const { mirror } = this.#journal.kept;
    if (frame.kind === 'endpoints') {
      for (const row of frame.peers) this.#observed.set(row.id, row);
      return;
    }
    this.#note({ frame });
    switch (frame.kind) {
      case 'welcome':
        return this.#follow(mirror.judgeWelcome(frame));
      case 'delta':
        return this.#follow(mirror.judgeDelta(frame));
      case 'fetch':
        return this.#fetch();
      case 'revoked':
        return this.#commit(mirror.judgeRevocation());
    }
  }

  async #follow(verdict: Verdict): Promise<void> {
    this.#note({ verdict: verdict.kind });
    if (verdict.kind === 'fetch') await this.#fetch();
    if (verdict.kind === 'take' || verdict.kind === 'alarm') await this.#commit(verdict.effect);
  }

  async #fetch(): Promise<void> {
    const { mirror } = this.#journal.kept;
    const { snapshot, reached } = await patiently(() => this.api.snapshot(mirror.head, clientCan(false)));
    this.#note({ snapshot });
    const verdict = mirror.judgeSnapshot(snapshot, reached);
    if (verdict.kind === 'take' || verdict.kind === 'alarm') await this.#commit(verdict.effect);
  }

  async #commit(effect: Effect): Promise<void> {
    await this.#journal.append(effect);
    this.#note({ steps: this.#stepsOf(this.#journal.kept.mirror.take(effect)) });
  }

  #stepsOf({ added, removed, changed }: Changes): unknown {
    const { mirror } = this.#journal.kept;
    const wanted = [...added, ...changed.map(({ after }) => after)].filter((row) => mirror.isTunnel(row));
    const delta = {
      removed: removed.map(({ publicKey }) => publicKey),
      changed: wanted.map(({ publicKey, ip }) => ({ publicKey, allowedIps: [singleton(ip)] })),
    };
    return stepsForDelta(delta, RANGE);
  }
}

/** One world, going through a story. */
export class HonestWorld {
  /** What could be observed at each machine, and at the server, in order. */
  readonly #told = new Map<string, unknown[]>();
  readonly #world: World;
  readonly #served: ServedNetwork;
  readonly #folder = mkdtempSync(join(tmpdir(), 'innernet-honest-'));
  readonly #before = new BeforeProofs();
  readonly #machines: Machine[] = [];
  readonly #questions = new Questions(4);
  #commands = 0;

  private constructor(world: World, served: ServedNetwork) {
    this.#world = world;
    this.#served = served;
  }

  static async play(world: World, story: readonly Act[]): Promise<Told> {
    const played = new HonestWorld(world, await ServedNetwork.start());
    try {
      for (const [name, cidr, admin] of [
        ['ann', 'humans', true],
        ['bob', 'humans', false],
        ['oven', 'robots', false],
      ] as const)
        await played.#join(name, cidr, admin);
      await played.#settle();
      for (const act of story) {
        await played.#do(act);
        await played.#settle();
      }
      return await played.#finish();
    } finally {
      played.#before.close();
      await played.#served.close();
      rmSync(played.#folder, { recursive: true, force: true });
    }
  }

  async #settle(): Promise<void> {
    for (const machine of this.#machines) await machine.settle();
  }

  /** By an invitation, over the API, as `install` does it; then it follows. */
  async #join(name: string, cidr: string, isAdmin: boolean): Promise<void> {
    const peer = await this.#served.peer(name, { cidr, admin: isAdmin, invited: true });
    const [invitation, keys] = [keysOf(`invitation of ${name}`), keysOf(name)];
    const note = (what: unknown) => this.#note(`${name} follows`, what);
    const place = { world: this.#world, folder: this.#folder, before: this.#before };
    const redeeming = await Machine.of(
      this.#served,
      peer,
      invitation,
      { ...place, folder: mkdtempSync(join(this.#folder, 'redeeming-')) },
      () => {},
    );
    const body = { public_key: keyOf(name) };
    this.#note(
      name,
      await redeeming.asks({ method: 'POST', path: REDEEM_PATH, body, joining: keys.privateKey }),
    );
    await redeeming.forget();
    // Until the server knows that the answer is through, the address is the invitation's.
    await until(() => this.#served.sessions.invitationKey(peer.id) === undefined);
    const machine = await Machine.of(this.#served, peer, keys, place, note);
    this.#machines.push(machine);
    await machine.come();
  }

  #note(where: string, what: unknown): void {
    this.#told.set(where, [...(this.#told.get(where) ?? []), what]);
  }

  /** Those that the server's WireGuard would hear: of others nothing gets through the tunnel. */
  #heard(): Machine[] {
    const { network } = this.#served;
    return this.#machines.filter(({ key }) => mayConnect(network.peerWithKey(key)));
  }

  #machine(who: number): Machine | undefined {
    const heard = this.#heard();
    return heard[who % heard.length];
  }

  async #do(act: Act): Promise<void> {
    switch (act.act) {
      case 'command':
        await this.#command(act.thrown);
        return this.#expectClosed();
      case 'read':
        return this.#read(this.#machine(act.who), READS[act.what % READS.length]!);
      case 'observe': {
        const peers = [...this.#served.network.peers()];
        const { id } = peers[act.who % peers.length]!;
        this.#served.observations.see(id, `1.2.3.4:${act.port}` as SocketAddress);
        return;
      }
      case 'leave':
        return this.#machine(act.who)?.leave();
      case 'come':
        return this.#machine(act.who)?.come();
      case 'join':
        if (this.#machines.length < 5 && this.#served.network.cidrNamed('humans'))
          await this.#join(`guest-${this.#machines.length}`, 'humans', false).catch((error) => {
            if (!(error instanceof Rejected)) throw error;
          });
        return;
    }
  }

  /** An admin that has a machine here asks over the API; all others at the server's command line. */
  async #command(thrown: Throw): Promise<void> {
    const { network, plane, live } = this.#served;
    const { command, context } = this.#questions.next(network, thrown);
    if (OF_PROOFS.test(JSON.stringify(command))) return;
    this.#served.now = context.now;
    const { actor } = context;
    const key = actor.kind === 'peer' ? network.peer(actor.peerId)?.publicKey : undefined;
    const machine = this.#heard().find((each) => each.key === key);
    if (machine && command.type !== 'RedeemInvitation') {
      const body = { id: `command-${++this.#commands}`, command };
      this.#note(machine.name, await machine.asks({ method: 'POST', path: COMMANDS_PATH, body }));
    } else {
      const outcome = await plane
        .execute(command, { actor, isProved: context.isProved === true })
        .catch((error) => {
          if (!(error instanceof Rejected)) throw error;
          return error.rejection;
        });
      this.#note('server', outcome);
      if ('position' in outcome) await live.reached(outcome.position as number);
    }
  }

  /** The sockets of a peer whose right has ended are closed a moment later. */
  async #expectClosed(): Promise<void> {
    const { network, sessions } = this.#served;
    for (const { key, ip } of this.#machines)
      if (!mayConnect(network.peerWithKey(key))) await until(() => sessions.connections.at(ip).length === 0);
  }

  async #read(machine: Machine | undefined, what: (typeof READS)[number]): Promise<void> {
    if (!machine) return;
    const get = (path: string) => machine.asks({ method: 'GET', path });
    const ask = (body: object) => machine.asks({ method: 'POST', path: PAST_PATH, body });
    const asked = {
      state: () => get('/v1/user/state'),
      capabilities: () => get('/v1/user/capabilities'),
      snapshot: () => get('/v1/user/snapshot'),
      network: () => get(NETWORK_PATH),
      history: () => ask({ ask: 'history', after: 0, limit: 100, reverse: true }),
      why: () => ask({ ask: 'why', peers: [machine.name, 'oven'] }),
      diff: () => ask({ ask: 'diff', from: 3 }),
      nothing: () => get('/v1/user/nothing'),
    };
    this.#note(machine.name, { [what]: await asked[what]() });
  }

  async #expectObserved(machine: Machine): Promise<void> {
    const { network, observations } = this.#served;
    const peer = network.peerWithKey(machine.key)!;
    const seen = [...visiblePeers(network, viewOf(network, peer, 'old'))].filter(
      ({ id }) => observations.numberOf(id) > 0,
    );
    const observed = new Map(seen.map(({ id }) => [id, observations.rowOf(id)]));
    await until(() => machine.knows(observed));
  }

  async #finish(): Promise<Told> {
    for (const machine of this.#machines) {
      await machine.settle();
      if (machine.isThere) await this.#expectObserved(machine);
      await machine.close();
    }
    const { network, troubles } = this.#served;
    this.#note('server', { network: JSON.parse(JSON.stringify(network)), troubles });
    return Object.fromEntries(this.#told);
  }
}

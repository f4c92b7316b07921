/**
 * A network whose API really listens, on the loopback device: every address of 127/8 is a peer to call from. The
 * log is a real file; only WireGuard is not there.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { WebSocket } from 'ws';
import type { Command } from '../../src/domain/command.ts';
import type { Peer } from '../../src/domain/peer.ts';
import { READ_MODELS } from '../../src/projections/projections.ts';
import { SUBPROTOCOL } from '../../src/protocol/frames.ts';
import { SERVER_KEY_HEADER, STREAM_PATH } from '../../src/protocol/http.ts';
import { ControlPlane, timestamp } from '../../src/server/commands/control-plane.ts';
import type { Outcome } from '../../src/server/commands/outcome.ts';
import { ApiSocket } from '../../src/server/device/api-socket.ts';
import { Api } from '../../src/server/http/api.ts';
import { Limits } from '../../src/server/limits.ts';
import { Live } from '../../src/server/live/live.ts';
import { LoggedNetwork } from '../../src/server/live/logged-network.ts';
import { Observations } from '../../src/server/observations/observations.ts';
import { UnprovedRefusals } from '../../src/server/observations/unproved-refusals.ts';
import { type Answerer, NearAnswerer } from '../../src/server/past/answerer.ts';
import { Proofs } from '../../src/server/proof/proofs.ts';
import { ServerClock } from '../../src/server/proof/server-clock.ts';
import { LingeringKeys } from '../../src/server/sessions/lingering-keys.ts';
import { type PeerDevice, Sessions } from '../../src/server/sessions/sessions.ts';
import { Standbys } from '../../src/server/standby/standbys.ts';
import { DigestPages } from '../../src/server/stream/digest-pages.ts';
import { Hub } from '../../src/server/stream/hub.ts';
import { Snapshots } from '../../src/server/stream/snapshots.ts';
import { openSqliteLog, type SqliteLog } from '../../src/store/sqlite-log.ts';
import { type Endpoint, endpointOf } from '../../src/values/endpoint.ts';
import type { Cidr, Ip } from '../../src/values/ip.ts';
import type { PublicKey } from '../../src/values/key.ts';
import type { Hostname, InterfaceName } from '../../src/values/name.ts';
import type { Timestamp } from '../../src/values/time.ts';
import type { PeerDelta } from '../../src/wireguard/plan.ts';
import { keyOf, keysOf } from '../acme.ts';
import { MAILBOXES } from './running-network.ts';

export type Answer = {
  status: number;
  headers: IncomingHttpHeaders;
  bytes: Buffer;
  text: string;
  json: () => unknown;
};

export type Call = {
  from: string;
  method?: string;
  body?: unknown;
  headers?: Record<string, string | undefined>;
  /** Sent as it is, instead of `body`. */
  raw?: string | Buffer;
};

const SERVER_IP = '127.42.0.1' as Ip;
/** Each process has ports of its own for a good while, also beside one with the next id. */
let nextPort = 20_000 + ((process.pid * 499) % 20_000);

export class ServedNetwork {
  readonly folder: string;
  readonly serverKeys = keysOf('server');
  readonly serverKey = this.serverKeys.publicKey;
  readonly port = nextPort++;
  /** What a device would have been told to change. */
  readonly deltas: PeerDelta[] = [];
  readonly device: PeerDevice = {
    apply: (delta) => this.deltas.push(delta),
    settled: async () => {},
    onHandshake: () => {},
  };
  readonly troubles: unknown[] = [];
  /** What the operator was told of those who exceed limits. */
  readonly warnings: string[] = [];
  readonly limits = new Limits((message) => this.warnings.push(message));
  /** What the server's clock says to rules; the real time unless set. */
  now: Timestamp | undefined;
  log!: SqliteLog;
  live!: Live;
  plane!: ControlPlane;
  observations!: Observations;
  unproved!: UnprovedRefusals;
  hub!: Hub;
  standbys!: Standbys;
  sessions!: Sessions;
  api!: Api;
  #past!: Answerer;
  #running!: Promise<void>;

  private constructor(folder: string) {
    this.folder = folder;
  }

  /** A network 127.42.0.0/16 with the CIDRs `humans` (127.42.1.0/24) and `robots` (127.42.2.0/24), still empty; its log is asked in this thread, or elsewhere. */
  static async start(
    pastOf: (log: SqliteLog) => Answerer = (log) => new NearAnswerer(log),
  ): Promise<ServedNetwork> {
    const served = new ServedNetwork(mkdtempSync(join(tmpdir(), 'innernet-api-')));
    await served.#open(pastOf);
    return served;
  }

  get endpoint(): Endpoint {
    return endpointOf(SERVER_IP, this.port);
  }

  get network() {
    return this.live.network;
  }

  /** Carries a command out as the operator of the server. */
  async run(command: Command): Promise<Outcome> {
    const outcome = await this.plane.execute(command, { actor: { kind: 'operator', uid: 0, user: 'root' } });
    await this.live.reached(outcome.position);
    return outcome;
  }

  /** A peer with the next address of a CIDR; joined unless `invited`. */
  async peer(
    name: string,
    {
      cidr = 'humans',
      invited = false,
      admin = false,
      expires = null as string | null,
      ip = undefined as Ip | undefined,
    } = {},
  ): Promise<Peer> {
    await this.run({
      type: 'AddPeer',
      name: name as Hostname,
      cidr,
      isAdmin: admin,
      publicKey: keyOf(`invitation of ${name}`),
      inviteExpires: expires as never,
      ...(ip ? { ip } : {}),
    });
    const peer = this.network.peerNamed(name)!;
    if (invited) return peer;
    await this.redeem(peer, keyOf(name));
    this.sessions.answered(peer.id);
    return this.network.peer(peer.id)!;
  }

  /** An invited peer redeems its invitation, and its answer is still on its way. */
  async redeem({ id }: Peer, publicKey: PublicKey, { isProved = false } = {}): Promise<void> {
    const actor = { kind: 'peer' as const, peerId: id };
    const redeem = { type: 'RedeemInvitation', publicKey } as const;
    const { position } = await this.plane.execute(redeem, { actor, isProved });
    await this.live.reached(position);
  }

  call(path: string, { from, method = 'GET', body, headers = {}, raw }: Call): Promise<Answer> {
    const payload = raw ?? (body === undefined ? undefined : JSON.stringify(body));
    return new Promise((resolve, reject) => {
      const request = httpRequest(
        {
          host: SERVER_IP,
          port: this.port,
          localAddress: from,
          path,
          method,
          agent: false,
          headers: definedOnly({
            [SERVER_KEY_HEADER]: this.serverKey,
            'content-length': payload === undefined ? undefined : String(Buffer.byteLength(payload)),
            ...headers,
          }),
        },
        (response) => {
          const chunks: Buffer[] = [];
          response.on('data', (chunk: Buffer) => chunks.push(chunk));
          response.on('error', reject);
          response.on('end', () => {
            const bytes = Buffer.concat(chunks);
            const text = bytes.toString();
            resolve({
              status: response.statusCode ?? 0,
              headers: response.headers,
              bytes,
              text,
              json: () => JSON.parse(text),
            });
          });
        },
      );
      request.on('error', reject);
      request.end(payload);
    });
  }

  /** What comes back, as text, for bytes sent as they are; the connection is watched until it ends. */
  raw(from: string, bytes: string | Buffer, { end = false } = {}): Promise<string> {
    return new Promise((resolve) => {
      let text = '';
      const socket = connect({ host: SERVER_IP, port: this.port, localAddress: from, allowHalfOpen: true });
      socket.on('data', (chunk) => {
        text += chunk.toString('latin1');
      });
      socket.on('error', () => {});
      socket.on('end', () => socket.end());
      socket.on('close', () => resolve(text));
      socket.write(bytes);
      if (end) socket.end();
    });
  }

  /** The head of a request with everything right, for `raw`. */
  head(line: string, ...headers: string[]): string {
    const own = [`Host: ${this.endpoint}`, `${SERVER_KEY_HEADER}: ${this.serverKey}`];
    return [line, ...own, ...headers, '', ''].join('\r\n');
  }

  /** An unproved stream, as clients had them before. */
  async stream(from: string): Promise<{ socket: WebSocket; closed: Promise<number> }> {
    const socket = new WebSocket(`ws://${this.endpoint}${STREAM_PATH}`, SUBPROTOCOL, {
      headers: { [SERVER_KEY_HEADER]: this.serverKey },
      localAddress: from,
    });
    socket.on('error', () => {});
    const closed = new Promise<number>((resolve) => socket.once('close', resolve));
    await Promise.race([new Promise((resolve) => socket.once('message', resolve)), closed]);
    return { socket, closed };
  }

  /** Ends the API and starts it again, as another run of the server on the same log. */
  async reboot(): Promise<void> {
    await this.#shut();
    await this.#serve();
  }

  async close(): Promise<void> {
    await this.#shut();
    this.live.stop();
    await this.#running.catch(() => undefined);
    await this.#past.close();
    await this.log.close();
    rmSync(this.folder, { recursive: true, force: true });
  }

  async #open(pastOf: (log: SqliteLog) => Answerer): Promise<void> {
    const file = join(this.folder, 'acme.events');
    this.log = await openSqliteLog({ file, readModels: READ_MODELS, mode: 'create' });
    this.plane = new ControlPlane(
      this.log,
      await LoggedNetwork.load(this.log),
      () => this.now ?? timestamp(),
      undefined,
      () => this.observations.words(),
    );
    const actor = { kind: 'operator' as const, uid: 0, user: 'root' };
    for (const command of creation(this.serverKey)) await this.plane.execute(command, { actor });
    this.live = await Live.load(this.log);
    this.#running = this.live.run();
    const say = (message: string) => this.warnings.push(message);
    const unproved = { network: 'acme', file: join(this.folder, 'acme.unproved'), live: this.live, say };
    this.unproved = new UnprovedRefusals(unproved);
    this.#past = pastOf(this.log);
    await this.#serve();
  }

  async #shut(): Promise<void> {
    await this.api.close();
    this.sessions.close();
    this.hub.close();
    this.standbys.close();
    this.observations.close();
  }

  async #serve(): Promise<void> {
    const clock = new ServerClock();
    this.observations = new Observations(clock.boot, '127.42.0.0/16' as Cidr);
    this.standbys = new Standbys({
      log: this.log,
      live: this.live,
      observations: this.observations,
      now: Date.now,
      file: join(this.folder, 'acme.standing'),
      say: (message) => this.warnings.push(message),
      report: (_trouble, error) => this.troubles.push(error),
    });
    this.hub = new Hub(this.live, this.observations, {
      now: Date.now,
      gate: this.standbys.gate,
      mailboxes: MAILBOXES,
      limits: this.limits,
    });
    const proofs = new Proofs(this.serverKeys.privateKey, this.live, clock);
    this.sessions = new Sessions({
      live: this.live,
      device: this.device,
      lingering: new LingeringKeys(),
      relay: { follow: () => {} },
      streams: this.hub,
      proofs,
      limits: this.limits,
    });
    const past = this.#past;
    const digests = new DigestPages(this.live, past);
    this.api = await Api.create({
      live: this.live,
      plane: this.unproved.watching(this.standbys.holding(this.plane)),
      unproved: this.unproved,
      observations: this.observations,
      past,
      snapshots: new Snapshots(this.live, digests),
      digests,
      streams: this.hub,
      standbys: this.standbys,
      held: () => this.standbys.level(),
      limits: this.limits,
      sessions: this.sessions,
      proofs,
      phonesRefused: () => undefined,
      serverKey: this.serverKey,
      endpoint: this.endpoint,
      trace: () => {},
      report: (_trouble, error) => this.troubles.push(error),
    });
    await new ApiSocket(this.api.server, { device: 'lo', ip: SERVER_IP, port: this.port }).open();
  }
}

const creation = (serverKey: PublicKey): Command[] => [
  {
    type: 'CreateNetwork',
    name: 'acme' as InterfaceName,
    cidr: '127.42.0.0/16' as Cidr,
    serverKey,
    endpoint: 'vpn.example.org:51820' as Endpoint,
  },
  { type: 'WaiveProof' },
  { type: 'AddCidr', name: 'humans' as Hostname, cidr: '127.42.1.0/24' as Cidr },
  { type: 'AddCidr', name: 'robots' as Hostname, cidr: '127.42.2.0/24' as Cidr },
];

const definedOnly = (headers: Record<string, string | undefined>): Record<string, string> =>
  Object.fromEntries(Object.entries(headers).filter((entry): entry is [string, string] => !!entry[1]));

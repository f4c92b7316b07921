/** The server's HTTP API as a client calls it, over the tunnel. */
import { Agent, type IncomingHttpHeaders, type IncomingMessage, request } from 'node:http';
import type { Socket } from 'node:net';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import type * as z from 'zod';
import { Prover, type Sent } from '../../caller/prover.ts';
import { hasNoWay, type Passage, TunnelWay, type Way } from '../../caller/way.ts';
import { REJECTION_CODES, Rejected, type Rejection, type RejectionCode } from '../../domain/rejection.ts';
import { sha256 } from '../../machine/sha256.ts';
import type { Conf } from '../../protocol/conf.ts';
import type { Snapshot } from '../../protocol/frames.ts';
import {
  BEFORE_READING,
  DIGESTS_PATH,
  MAX_DIGESTS,
  SERVER_KEY_HEADER,
  SNAPSHOT_PATH,
} from '../../protocol/http.ts';
import { isTimely, type Call as ProvableCall } from '../../protocol/proof.ts';
import { PROOF_HEADER } from '../../protocol/proof-header.ts';
import { Refusal } from '../../protocol/refusal.ts';
import type { SocketAddress } from '../../values/endpoint.ts';
import { Failure } from '../../values/failure.ts';
import type { PrivateKey, PublicKey } from '../../values/key.ts';
import type { InterfaceName } from '../../values/name.ts';
import { publicKeyOf } from '../../wireguard/public-key.ts';
import { extend, type Head } from '../memory/chain.ts';
import { doubtSentence } from '../memory/doubt.ts';
import { MAX_ROWS } from '../memory/mirror.ts';
import type { NetworkPaths } from '../memory/paths.ts';
import { Trust } from '../memory/trust.ts';
import { measuredJson } from './measured-json.ts';

const inflate = promisify(gunzip);

const TIMEOUT_MS = 10_000;
/** Also unpacked: about 200,000 peers. */
const MAX_ANSWER_BYTES = 64 * 1024 * 1024;

/** The server's refusal, with its HTTP status. */
export class CallRefused extends Failure {
  readonly status: number;

  constructor(status: number, message: string, hint?: string, verb?: string) {
    super(message, { hint, verb });
    this.status = status;
  }
}

export type Call = {
  method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  path: string;
  body?: unknown;
  /** The new key of a redeem: it proves itself too, and the connection ends with the answer. */
  joining?: PrivateKey;
};

type Answer = { status: number; body: Buffer; headers: IncomingHttpHeaders; isProved: boolean };

export type Proofs = {
  prover: Prover;
  trust: Trust;
  /** Called when a due proof is missing. */
  onUnproved?: (() => Promise<unknown>) | undefined;
};

/** An answer without a due proof, which is not trusted. */
export class Unproved extends Failure {}

/** The server was too busy to read the call: never proved, it only means "later". */
export class NoTime extends Failure {}

class Connections extends Agent {
  readonly passage: Passage;
  readonly #to: SocketAddress;

  constructor(passage: Passage, to: SocketAddress) {
    super({ keepAlive: true, maxSockets: 2 });
    this.passage = passage;
    this.#to = to;
  }

  override createConnection(): Socket {
    return this.passage.connect(this.#to);
  }
}

/** Unpacked only when the sender is known. */
const bodyOf = async (response: IncomingMessage): Promise<Buffer> => {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of response) {
    length += (chunk as Buffer).length;
    if (length > MAX_ANSWER_BYTES) throw new Failure('the server sent more than any network can be');
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks);
};

const encodingOf = ({ headers }: Pick<Answer, 'headers'>): string => headers['content-encoding'] ?? '';

const unpacked = async (answer: Answer): Promise<Answer> => {
  if (encodingOf(answer) !== 'gzip') return answer;
  try {
    return { ...answer, body: await inflate(answer.body, { maxOutputLength: MAX_ANSWER_BYTES }) };
  } catch (cause) {
    throw new Failure("the server's answer cannot be unpacked, or is more than any network can be", {
      cause,
    });
  }
};

const headerOf = ({ headers }: Answer): string | undefined => {
  const header = headers[PROOF_HEADER];
  return typeof header === 'string' ? header : undefined;
};

/** The bytes on the wire that a proof covers. */
const provable = ({ method, path, joining }: Call, text = ''): ProvableCall => ({
  purpose: joining ? 'redeem' : 'call',
  method,
  target: path,
  body: Buffer.from(text),
});

/** The proofs of this machine's programs for a network. */
export const proofsOf = async (conf: Conf, { proved, moment }: NetworkPaths): Promise<Proofs> => {
  const { publicKey } = conf.server;
  return {
    prover: new Prover(conf.privateKey, publicKey, moment),
    trust: await Trust.read(proved, publicKey),
  };
};

const isRejectionCode = (code: string): code is RejectionCode =>
  (REJECTION_CODES as readonly string[]).includes(code);

/** The server's rejection with a local rule's text and hint. */
const rejectionOf = ({ code, facts, background }: Refusal): Rejected | undefined => {
  if (!isRejectionCode(code)) return undefined;
  try {
    return new Rejected({ ...facts, code } as Rejection, background);
  } catch {
    return undefined;
  }
};

const NOT_KNOWN = 'the server does not take this machine for a peer that may do this';

const refusalIn = ({ status, body }: Answer): Error => {
  const refusal = Refusal.safeParse(measuredJson(body, MAX_ROWS)).data;
  if (refusal)
    return rejectionOf(refusal) ?? new CallRefused(status, refusal.error, refusal.hint, refusal.verb);
  if (status === 401)
    return new CallRefused(401, NOT_KNOWN, 'it may be disabled, or no admin: ask an admin of the network');
  if (status === 404) return new CallRefused(404, 'this server is an older one that cannot do this');
  return new CallRefused(status, `the server answered with HTTP status ${status}`);
};

export class Api {
  readonly endpoint: SocketAddress;
  readonly serverKey: PublicKey;
  readonly #way: Way;
  readonly #proofs: Proofs | undefined;
  #connections: Connections | undefined;

  /** Without `proofs`, nothing is proved or checked. */
  constructor(endpoint: SocketAddress, serverKey: PublicKey, way: Way, proofs?: Proofs) {
    this.endpoint = endpoint;
    this.serverKey = serverKey;
    this.#way = way;
    this.#proofs = proofs;
  }

  /** Goes through the network's device. Throws a `Failure` for unreadable proofs. */
  static async of(network: InterfaceName, conf: Conf, paths: NetworkPaths): Promise<Api> {
    const { internalEndpoint, publicKey } = conf.server;
    const way = new TunnelWay(network, publicKeyOf(conf.privateKey));
    const proofs = await proofsOf(conf, paths);
    // A verb ends, so the doubt is saved for `show`; if that fails, the verb itself reports it.
    const onUnproved = () => proofs.trust.raise('Unproved').catch(() => {});
    return new Api(internalEndpoint, publicKey, way, { ...proofs, onUnproved });
  }

  /** Absent without proofs. */
  get trust(): Trust | undefined {
    return this.#proofs?.trust;
  }

  /** Parses the answer. Throws `Rejected`, `CallRefused`, or another `Failure` without an answer. */
  async ask<S extends z.ZodType>(schema: S, call: Call): Promise<z.output<S>> {
    const { body } = await this.send(call);
    const { success, data } = schema.safeParse(measuredJson(body, MAX_ROWS));
    if (success) return data;
    throw new Failure(`the server's answer to ${call.path.split('?')[0]} cannot be understood`, {
      hint: 'one of the two programs may be too old for the other: bring both up to date',
    });
  }

  /** For a call whose answer only says that it worked. */
  async send(call: Call): Promise<Answer> {
    const answer = await this.#exchange(call);
    if (answer.status >= 200 && answer.status < 300) return answer;
    throw refusalIn(answer);
  }

  /**
   * Everything in sight of a program that can what `can` says. `reached`: the given head, extended by paged digests if
   * it was far behind.
   */
  async snapshot(
    head: Head | undefined,
    can: string,
  ): Promise<{ snapshot: Snapshot; reached: Head | undefined }> {
    const { Snapshot } = await import('../../protocol/frames.ts');
    let reached = head;
    for (;;) {
      const known = reached ? [`position=${reached.position}`, `hash=${reached.hash}`] : [];
      const query = [...known, `can=${can}`].join('&');
      const snapshot = await this.ask(Snapshot, { method: 'GET', path: `${SNAPSHOT_PATH}?${query}` });
      if (!reached || snapshot.from <= reached.position || snapshot.network !== reached.networkId)
        return { snapshot, reached };
      const next = await this.#page(reached, snapshot.from);
      if (next.position === reached.position) return { snapshot, reached };
      reached = next;
    }
  }

  /** In milliseconds since 1970, if told. Proofs cover no headers, so `Date` counts only without proofs. */
  async serverTime(): Promise<number | undefined> {
    const { Capabilities } = await import('../../protocol/v1.ts');
    const call = { method: 'GET', path: '/v1/user/capabilities' } as const;
    const { headers, body, isProved } = await this.#exchange(call);
    const { now } = Capabilities.safeParse(measuredJson(body, MAX_ROWS)).data ?? {};
    if (now !== undefined || isProved || headers.date === undefined) return now;
    return Date.parse(headers.date);
  }

  close(): void {
    this.#connections?.destroy();
  }

  /** Replaces connections of a lost device. */
  async #open(): Promise<Connections> {
    const passage = await this.#way.open();
    if (this.#connections?.passage.device === passage.device) return this.#connections;
    this.#connections?.destroy();
    this.#connections = new Connections(passage, this.endpoint);
    return this.#connections;
  }

  async #page(head: Head, to: number): Promise<Head> {
    const { DigestPage } = await import('../../protocol/frames.ts');
    let reached = head;
    while (reached.position < to) {
      const path = `${DIGESTS_PATH}?position=${reached.position}`;
      const page = await this.ask(DigestPage, { method: 'GET', path });
      if (page.from !== reached.position || page.digests.length === 0) break;
      reached = extend(reached, page.digests.slice(0, MAX_DIGESTS), sha256);
    }
    return reached;
  }

  /** Throws `Unproved` for an answer that cannot be the server's. */
  async #exchange(call: Call): Promise<Answer> {
    const text = call.body === undefined ? undefined : JSON.stringify(call.body);
    const proofs = this.#proofs;
    if (!proofs) return unpacked(await this.#once(call, text));
    for (let attempt = 1; ; attempt += 1) {
      const sent = proofs.prover.prove(provable(call, text), call.joining);
      const answer = await this.#once(call, text, sent);
      const moment = proofs.prover.check(sent, {
        ...answer,
        header: headerOf(answer),
        encoding: encodingOf(answer),
      });
      // The server knows the key but not the call's time, which this machine has now learnt.
      const isLate = moment && answer.status === 401 && !isTimely(sent.stamp, moment);
      if (isLate && attempt === 1) continue;
      if (moment) await proofs.trust.proved();
      else if (proofs.trust.standing === 'proves') throw await this.#nobody(answer.status);
      return unpacked({ ...answer, isProved: moment !== undefined });
    }
  }

  async #nobody(status: number): Promise<Failure> {
    if (BEFORE_READING.includes(status))
      return new NoTime(`the server at ${this.endpoint} takes no more calls of this machine now`, {
        hint: 'try again in a moment',
      });
    await this.#proofs?.onUnproved?.();
    return new Unproved(doubtSentence('Unproved'), { hint: this.trust?.hint });
  }

  async #once({ method, path, joining }: Call, text: string | undefined, sent?: Sent): Promise<Answer> {
    const last = joining !== undefined;
    const connections = await this.#open();
    try {
      return await new Promise<Answer>((resolve, reject) => {
        const call = request({
          method,
          path,
          ...(last
            ? { createConnection: () => connections.createConnection() } // and no agent: `false` would be one
            : { agent: connections }),
          signal: AbortSignal.timeout(TIMEOUT_MS),
          headers: {
            [SERVER_KEY_HEADER]: this.serverKey,
            ...(sent ? { [PROOF_HEADER]: sent.header } : {}),
            host: this.endpoint,
            ...(last ? { connection: 'close' } : {}),
            ...(text === undefined
              ? {}
              : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }),
          },
        });
        call.once('error', reject);
        call.once('response', (response) => {
          const { statusCode: status = 0, headers } = response;
          bodyOf(response).then((read) => resolve({ status, body: read, headers, isProved: false }), reject);
        });
        call.end(text);
      });
    } catch (cause) {
      if (cause instanceof Failure) throw cause;
      throw new Failure(`the server does not answer at ${this.endpoint} inside the tunnel`, {
        hint: hasNoWay(cause)
          ? 'nothing has left this machine: see whether the device has its address: innernet doctor'
          : 'see whether the tunnel is up and when the server was last heard: innernet show',
        cause,
      });
    }
  }
}

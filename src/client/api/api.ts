/** The server's HTTP API as a client calls it: over the tunnel, with the header that every peer knows. */
import { Agent, type IncomingHttpHeaders, type IncomingMessage, request } from 'node:http';
import type { Socket } from 'node:net';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import type * as z from 'zod';
import { REJECTION_CODES, Rejected, type Rejection, type RejectionCode } from '../../domain/rejection.ts';
import type { Conf } from '../../protocol/conf.ts';
import type { Snapshot } from '../../protocol/frames.ts';
import { DIGESTS_PATH, MOST_DIGESTS, SERVER_KEY_HEADER, SNAPSHOT_PATH } from '../../protocol/http.ts';
import { Refusal } from '../../protocol/refusal.ts';
import type { SocketAddress } from '../../values/endpoint.ts';
import { Failure } from '../../values/failure.ts';
import type { PublicKey } from '../../values/key.ts';
import type { InterfaceName } from '../../values/name.ts';
import { publicKeyOf } from '../../wireguard/public-key.ts';
import { extend, type Head } from '../memory/chain.ts';
import { MOST_ROWS } from '../memory/mirror.ts';
import { sha256 } from '../memory/sha256.ts';
import { measuredJson } from './measured-json.ts';
import { hasNoWay, type Passage, TunnelWay, type Way } from './way.ts';

const inflate = promisify(gunzip);

/** Milliseconds that a call may take. */
const TIMEOUT = 10_000;
/** Largest answer, in bytes, also once it is unpacked: about 200,000 peers. */
const LARGEST_ANSWER = 64 * 1024 * 1024;

/** The server's no to a call, by its HTTP status. */
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
  /** Ends the connection with the answer. */
  last?: boolean;
};

type Answer = { status: number; body: Buffer; headers: IncomingHttpHeaders };

/** Keeps connections for further calls, for as long as the device is there through which they go. */
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

const bodyOf = async (response: IncomingMessage): Promise<Buffer> => {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of response) {
    length += (chunk as Buffer).length;
    if (length > LARGEST_ANSWER) throw new Failure('the server sent more than any network can be');
    chunks.push(chunk as Buffer);
  }
  const body = Buffer.concat(chunks);
  if (response.headers['content-encoding'] !== 'gzip') return body;
  return inflate(body, { maxOutputLength: LARGEST_ANSWER });
};

const isRejectionCode = (code: string): code is RejectionCode =>
  (REJECTION_CODES as readonly string[]).includes(code);

/** The server's rejection as our own, so that it reads and hints as if the rule had run here. */
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
  const refusal = Refusal.safeParse(measuredJson(body, MOST_ROWS)).data;
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
  #connections: Connections | undefined;

  constructor(endpoint: SocketAddress, serverKey: PublicKey, way: Way) {
    this.endpoint = endpoint;
    this.serverKey = serverKey;
    this.#way = way;
  }

  /** The server of a network that this machine has joined, through its device. */
  static of(network: InterfaceName, { privateKey, server }: Conf): Api {
    const way = new TunnelWay(network, publicKeyOf(privateKey));
    return new Api(server.internalEndpoint, server.publicKey, way);
  }

  /** What a call answers, parsed. Throws `Rejected`, `CallRefused`, or another `Failure` when nothing answers. */
  async ask<S extends z.ZodType>(schema: S, call: Call): Promise<z.output<S>> {
    const { body } = await this.send(call);
    const { success, data } = schema.safeParse(measuredJson(body, MOST_ROWS));
    if (success) return data;
    throw new Failure(`the server's answer to ${call.path.split('?')[0]} cannot be understood`, {
      hint: 'one of the two programs may be too old for the other: bring both up to date',
    });
  }

  /** A call whose answer has nothing to say but that it worked. */
  async send(call: Call): Promise<Answer> {
    const answer = await this.#exchange(call);
    if (answer.status >= 200 && answer.status < 300) return answer;
    throw refusalIn(answer);
  }

  /**
   * Everything that this client may see. `reached` is the given head, extended where it was so far behind that the
   * digests had to be paged through.
   */
  async snapshot(head: Head | undefined): Promise<{ snapshot: Snapshot; reached: Head | undefined }> {
    const { Snapshot } = await import('../../protocol/frames.ts');
    let reached = head;
    for (;;) {
      const query = reached ? `?position=${reached.position}&hash=${reached.hash}` : '';
      const snapshot = await this.ask(Snapshot, { method: 'GET', path: `${SNAPSHOT_PATH}${query}` });
      if (!reached || snapshot.from <= reached.position || snapshot.network !== reached.networkId)
        return { snapshot, reached };
      const next = await this.#page(reached, snapshot.from);
      if (next.position === reached.position) return { snapshot, reached };
      reached = next;
    }
  }

  /** The server's clock, in milliseconds since 1970, from the date of any answer; undefined where it does not tell. */
  async serverTime(): Promise<number | undefined> {
    const { date } = (await this.#exchange({ method: 'GET', path: '/' })).headers;
    return date === undefined ? undefined : Date.parse(date);
  }

  close(): void {
    this.#connections?.destroy();
  }

  /** Connections through a device that is no more lead nowhere. */
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
      reached = extend(reached, page.digests.slice(0, MOST_DIGESTS), sha256);
    }
    return reached;
  }

  async #exchange({ method, path, body, last = false }: Call): Promise<Answer> {
    const text = body === undefined ? undefined : JSON.stringify(body);
    const connections = await this.#open();
    try {
      return await new Promise<Answer>((resolve, reject) => {
        const call = request({
          method,
          path,
          ...(last
            ? { createConnection: () => connections.createConnection() } // and no agent: `false` would be one
            : { agent: connections }),
          signal: AbortSignal.timeout(TIMEOUT),
          headers: {
            [SERVER_KEY_HEADER]: this.serverKey,
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
          bodyOf(response).then((read) => resolve({ status, body: read, headers }), reject);
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

// A server on loopback that proves itself as docs/proof-by-key.md says, or as somebody would who has not its key.
import { randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type WebSocket, WebSocketServer } from 'ws';
import {
  type Call,
  checkCall,
  isStreamProof,
  isTimely,
  type PairKeys,
  pairKeys,
  proveAnswer,
  proveStream,
} from '../../src/protocol/proof.ts';
import { type CallProof, PROOF_HEADER, parseCallHeader, spell } from '../../src/protocol/proof-header.ts';
import type { SocketAddress } from '../../src/values/endpoint.ts';
import { HASHES, pairSecret } from '../../src/wireguard/pair-secret.ts';
import { keysOf } from '../acme.ts';

export const client = keysOf('a client');
export const server = keysOf('a server');

/** The keys of a pair, as the server has them. */
export const keysWith = (other = client): PairKeys =>
  pairKeys(
    pairSecret(server.privateKey, other.publicKey),
    { client: other.publicKey, server: server.publicKey },
    HASHES,
  );

export type Said = { status: number; body: Buffer; encoding?: string };

/** What it does to an answer before it leaves; `header` is its proof. */
export type Spoil = (said: Said, header: string) => { said: Said; header: string | undefined };

/** What it sends on a stream, in order; `proof` stands for the right one. */
export type Script = readonly (object | 'challenge' | 'proof')[];

export class ProvingServer {
  readonly calls: { call: Call; proof: CallProof | undefined; isRight: boolean }[] = [];
  boot = spell(randomBytes(16));
  now = 5_000_000;
  says: Said = { status: 200, body: Buffer.from('{}') };
  /** Whether it knows nothing of proofs. */
  isOld = false;
  spoil: Spoil = (said, header) => ({ said, header });
  script: Script = [];
  /** What the client has sent on streams. */
  heard: unknown[] = [];
  /** Whether the client's proof was right. */
  isProved: boolean | undefined;
  readonly #http: Server;
  readonly #streams = new WebSocketServer({ noServer: true });

  constructor() {
    this.#http = createServer((request, response) => void this.#answer(request, response));
    this.#http.on('upgrade', (request, socket, head) =>
      this.#streams.handleUpgrade(request, socket, head, (stream) => this.#play(stream, request)),
    );
  }

  async listen(): Promise<SocketAddress> {
    await new Promise<void>((resolve) => this.#http.listen(0, '127.0.0.1', resolve));
    return `127.0.0.1:${(this.#http.address() as AddressInfo).port}` as SocketAddress;
  }

  close(): void {
    for (const stream of this.#streams.clients) stream.terminate();
    this.#http.closeAllConnections();
    this.#http.close();
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const { method = '', url: target = '' } = request;
    const purpose = target === '/v1/user/redeem' ? 'redeem' : 'call';
    const call: Call = { purpose, method, target, body: Buffer.concat(chunks) };
    const proof = parseCallHeader(request.headers[PROOF_HEADER]);
    const tag = proof && checkCall(keysWith(), call, proof, HASHES);
    this.calls.push({ call, proof, isRight: tag !== undefined });
    const moment = { boot: this.boot, now: this.now };
    const isLate = !this.isOld && proof && !isTimely(proof, moment);
    const said = isLate ? { status: 401, body: Buffer.alloc(0) } : this.says;
    const encoding = said.encoding ?? '';
    const parts = [{ hash: HASHES.sha256(said.body), length: said.body.length }];
    const header = tag ? proveAnswer(keysWith(), tag, { ...said, encoding, moment, parts }, HASHES) : '';
    const sent = isLate ? { said, header } : this.spoil(said, header);
    response.writeHead(sent.said.status, {
      ...(sent.said.encoding ? { 'content-encoding': sent.said.encoding } : {}),
      ...(sent.header && !this.isOld ? { [PROOF_HEADER]: sent.header } : {}),
    });
    response.end(sent.said.body);
  }

  #play(stream: WebSocket, { method = '', url: target = '', headers }: IncomingMessage): void {
    const proof = parseCallHeader(headers[PROOF_HEADER]);
    const call: Call = { purpose: 'stream', method, target, body: Buffer.alloc(0) };
    const tag = proof && checkCall(keysWith(), call, proof, HASHES);
    this.calls.push({ call, proof, isRight: tag !== undefined });
    const whole = tag ?? new Uint8Array(32);
    const nonce = spell(randomBytes(16));
    const beginning = { network: 'a'.repeat(64), boot: this.boot, now: this.now, nonce, can: ['proof'] };
    const challenge = JSON.stringify({ kind: 'challenge', ...beginning });
    const texts = this.script.map((frame) => {
      if (frame === 'challenge') return challenge;
      if (frame !== 'proof') return JSON.stringify(frame);
      const shown = proveStream(keysWith().server, whole, Buffer.from(challenge), HASHES);
      return JSON.stringify({ kind: 'proof', tag: shown });
    });
    for (const text of texts) stream.send(text);
    stream.on('message', (data) => {
      const frame = JSON.parse(String(data));
      this.heard.push(frame);
      if (frame.kind === 'proof')
        this.isProved = isStreamProof(frame, keysWith().client, [whole, Buffer.from(challenge)], HASHES);
    });
  }
}

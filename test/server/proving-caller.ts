// A peer that proves its calls and checks its answers, for tests of the server: by what the page says, not by our client.
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { WebSocket } from 'ws';
import { SUBPROTOCOL } from '../../src/protocol/frames.ts';
import { SERVER_KEY_HEADER, STREAM_PATH } from '../../src/protocol/http.ts';
import {
  checkAnswer,
  isTimely,
  type PairKeys,
  type Call as Proved,
  type Purpose,
  pairKeys,
  proveCall,
  proveStream,
} from '../../src/protocol/proof.ts';
import { type Moment, PROOF_HEADER, type Stamp, spell } from '../../src/protocol/proof-header.ts';
import type { PrivateKey, PublicKey } from '../../src/values/key.ts';
import { HASHES, pairSecret } from '../../src/wireguard/pair-secret.ts';
import { publicKeyOf } from '../../src/wireguard/public-key.ts';
import type { Answer, Call, ServedNetwork } from './served-network.ts';

export const pairOf = (own: PrivateKey, server: PublicKey): PairKeys =>
  pairKeys(pairSecret(own, server), { client: publicKeyOf(own), server }, HASHES);

type Asked = Partial<Call> & { purpose?: Purpose; newKey?: PrivateKey; stamp?: Partial<Stamp> };
export type Told = Answer & { moment: Moment | undefined; header: string };

export class ProvingCaller {
  /** The server's clock as it was last told, and when, by ours. */
  moment: Moment | undefined;
  readonly ip: string;
  readonly keys: PairKeys;
  readonly #served: ServedNetwork;
  #heard = 0;

  constructor(served: ServedNetwork, ip: string, own: PrivateKey) {
    this.#served = served;
    this.ip = ip;
    this.keys = pairOf(own, served.serverKey);
  }

  get stamp(): Stamp {
    const { boot = '', now = 0 } = this.moment ?? {};
    const passed = boot ? Math.floor(performance.now() - this.#heard) : 0;
    return { boot, at: now + passed, nonce: spell(randomBytes(12)) };
  }

  prove(path: string, { method = 'GET', body, purpose = 'call', newKey, stamp }: Asked = {}) {
    const text = body === undefined ? '' : JSON.stringify(body);
    const call: Proved = { purpose, method, target: path, body: Buffer.from(text) };
    const possession = newKey && pairOf(newKey, this.#served.serverKey);
    const keys = possession ? { ...this.keys, possession } : this.keys;
    return proveCall(keys, call, { ...this.stamp, ...stamp }, HASHES);
  }

  /** One call and its answer; `moment` is undefined where that is not proved. */
  async once(path: string, asked: Asked = {}): Promise<Told> {
    const { header, tag } = this.prove(path, asked);
    const { purpose: _, newKey: __, stamp: ___, ...call } = asked;
    const headers = { [PROOF_HEADER]: header, ...asked.headers };
    const answer = await this.#served.call(path, { from: this.ip, ...call, headers });
    const shown = answer.headers[PROOF_HEADER] as string | undefined;
    const encoding = answer.headers['content-encoding'] ?? '';
    const moment = checkAnswer(
      this.keys,
      tag,
      { header: shown, encoding, status: answer.status, body: answer.bytes },
      HASHES,
    );
    return { ...answer, moment, header };
  }

  /** As a client does it: a call that came late is made once more. */
  async call(path: string, asked: Asked = {}): Promise<Told> {
    const { stamp } = this;
    const answer = await this.once(path, { stamp, ...asked });
    this.hear(answer.moment);
    const isLate = answer.status === 401 && answer.moment && !isTimely(stamp, answer.moment);
    return isLate ? this.once(path, asked) : answer;
  }

  hear(moment: Moment | undefined): void {
    if (!moment) return;
    this.moment = moment;
    this.#heard = performance.now();
  }

  /** A stream whose upgrade is proved; `frames` are the texts that come, `send` is for what the test wants to say. */
  async stream(query = '', { stamp = {}, header }: { stamp?: Partial<Stamp>; header?: string } = {}) {
    const path = `${STREAM_PATH}${query}`;
    const sent = this.prove(path, { purpose: 'stream', stamp });
    const socket = new WebSocket(`ws://${this.#served.endpoint}${path}`, SUBPROTOCOL, {
      headers: { [SERVER_KEY_HEADER]: this.#served.serverKey, [PROOF_HEADER]: header ?? sent.header },
      localAddress: this.ip,
    });
    const frames: string[] = [];
    const stream = {
      socket,
      frames,
      tag: sent.tag,
      header: header ?? sent.header,
      closed: new Promise<number>((resolve) => socket.once('close', resolve)),
      /** The next frame. */
      next: async (): Promise<string> => {
        while (frames.length === 0) await once(socket, 'message');
        return frames.shift()!;
      },
      /** Reads the server's two frames and answers them; the server's tag, and the one that it should have been. */
      prove: async (): Promise<readonly [string, string]> => {
        const challenge = Buffer.from(await stream.next());
        const { tag } = JSON.parse(await stream.next()) as { tag: string };
        const [ours, theirs] = [this.keys.client, this.keys.server].map((key) =>
          proveStream(key, sent.tag, challenge, HASHES),
        );
        socket.send(JSON.stringify({ kind: 'proof', tag: ours }));
        return [tag, theirs!];
      },
    };
    socket.on('message', (data) => frames.push(String(data)));
    socket.on('error', () => {});
    await Promise.race([once(socket, 'open'), stream.closed]);
    return stream;
  }
}

// R17: hostile WebSockets over real TCP: wrong bits, wrong opcodes, fragments, lengths and texts; that socket alone is closed.
import { randomBytes } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Peer } from '../../src/domain/peer.ts';
import { CLOSE, SUBPROTOCOL } from '../../src/protocol/frames.ts';
import { STREAM_PATH } from '../../src/protocol/http.ts';
import { ServedNetwork } from '../server/served-network.ts';
import { below, oneOf, spoiledBytes, spoiledJson, Tally } from './hostile.ts';
import { diceOf, roundsOr, sayTried, seed } from './seed.ts';

const dice = diceOf(seed);
const PEERS = 100;

let served: ServedNetwork;
const peers: Peer[] = [];
let turn = 0;

beforeAll(async () => {
  served = await ServedNetwork.start();
  for (let number = 0; number < PEERS; number += 1) peers.push(await served.peer(`peer${number}`));
}, 120_000);
afterAll(() => served.close());

/** Opcodes of RFC 6455, section 5.2; what is not here is reserved. */
const OPCODE = { continued: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

type Shape = {
  opcode?: number;
  fin?: boolean;
  /** The three reserved bits. */
  reserved?: number;
  masked?: boolean;
  /** What the frame says that its length is. */
  declared?: number | bigint;
  /** How many bytes spell the length: 7 bits, 16 or 64. */
  spelling?: 0 | 2 | 8;
};

/** A frame of RFC 6455, right unless told otherwise. */
const frame = (payload: Buffer, shape: Shape = {}): Buffer => {
  const { opcode = OPCODE.text, fin = true, reserved = 0, masked = true } = shape;
  const declared = BigInt(shape.declared ?? payload.length);
  const spelling = shape.spelling ?? (declared < 126n ? 0 : declared < 65_536n ? 2 : 8);
  const length = Buffer.alloc(1 + spelling);
  length[0] = (masked ? 0x80 : 0) | (spelling === 0 ? Number(declared & 127n) : spelling === 2 ? 126 : 127);
  if (spelling === 2) length.writeUInt16BE(Number(declared & 0xffffn), 1);
  if (spelling === 8) length.writeBigUInt64BE(BigInt.asUintN(64, declared), 1);
  const mask = masked ? randomBytes(4) : Buffer.alloc(0);
  const body = masked ? payload.map((byte, index) => byte ^ (mask[index % 4] ?? 0)) : payload;
  return Buffer.concat([Buffer.from([(fin ? 0x80 : 0) | (reserved << 4) | opcode]), length, mask, body]);
};

const good = (): Buffer =>
  Buffer.from(
    JSON.stringify(
      dice() < 0.5
        ? { kind: 'applied', position: below(dice, 500), held: 0 }
        : { kind: 'candidates', endpoints: ['192.168.1.7:51820', '[fd00::7]:51820'] },
    ),
  );

/** Closing codes by which the library or the hub says what was wrong; 1006: cut without a word. */
const CODES: readonly number[] = [1000, 1002, 1005, 1006, 1007, 1008, 1009, CLOSE.badFrame];

type Attack = { bytes: Buffer; codes?: readonly number[] };

const ATTACKS: { [name: string]: () => Attack } = {
  'reserved bits': () => ({ bytes: frame(good(), { reserved: 1 + below(dice, 7) }), codes: [1002] }),
  'reserved opcodes': () => ({
    bytes: frame(good(), { opcode: oneOf(dice, [3, 4, 5, 6, 7, 11, 12, 13, 14, 15]) }),
    codes: [1002],
  }),
  'no mask': () => ({ bytes: frame(good(), { masked: false }), codes: [1002] }),
  'binary frames': () => ({ bytes: frame(good(), { opcode: OPCODE.binary }), codes: [CLOSE.badFrame] }),
  'texts that are no UTF-8': () => ({
    bytes: frame(Buffer.concat([good(), Buffer.from([0xc3, 0x28])])),
    codes: [1007],
  }),
  'continued without a beginning': () => ({
    bytes: frame(good(), { opcode: OPCODE.continued }),
    codes: [1002],
  }),
  'begun twice': () => ({
    bytes: Buffer.concat([frame(good(), { fin: false }), frame(good())]),
    codes: [1002],
  }),
  'long control frames': () => ({
    bytes: frame(Buffer.alloc(126 + below(dice, 400)), { opcode: oneOf(dice, [8, 9, 10]) }),
    codes: [1002],
  }),
  'control frames in pieces': () => ({
    bytes: frame(Buffer.from('x'), { opcode: oneOf(dice, [8, 9, 10]), fin: false }),
    codes: [1002],
  }),
  'closing codes that are none': () => {
    const code = Buffer.alloc(2);
    code.writeUInt16BE(oneOf(dice, [0, 999, 1004, 1005, 1006, 1015, 2999, 5000, 65_535]));
    return { bytes: frame(code, { opcode: OPCODE.close }), codes: [1002] };
  },
  'too long by a byte': () => ({
    bytes: frame(Buffer.alloc(16 * 1024 + 1, 0x20)),
    codes: [1009],
  }),
  'huge declared lengths': () => ({
    bytes: frame(good(), {
      declared: oneOf(dice, [2n ** 63n, 2n ** 64n - 1n, 2n ** 53n, 2n ** 32n, 100_000n]),
      spelling: 8,
    }),
    codes: [1009],
  }),
  'fragments beyond the limit': () => {
    const piece = Buffer.alloc(3_000, 0x20);
    const more = Array.from({ length: 6 }, () => frame(piece, { opcode: OPCODE.continued, fin: false }));
    return { bytes: Buffer.concat([frame(piece, { fin: false }), ...more]), codes: [1009] };
  },
  'empty fragments': () => ({
    bytes: Buffer.concat([
      frame(Buffer.alloc(0), { fin: false }),
      ...Array.from({ length: 200 }, () => frame(Buffer.alloc(0), { opcode: OPCODE.continued, fin: false })),
      frame(Buffer.from('x'), { opcode: OPCODE.continued }),
    ]),
    codes: [1008, CLOSE.badFrame],
  }),
  'hostile JSON': () => ({ bytes: frame(spoiledJson(dice, JSON.parse(good().toString()))) }),
  'hostile JSON in fragments': () => {
    const text = spoiledJson(dice, JSON.parse(good().toString()));
    const at = below(dice, text.length + 1);
    return {
      bytes: Buffer.concat([
        frame(text.subarray(0, at), { fin: false }),
        frame(Buffer.from('!'), { opcode: OPCODE.ping }),
        frame(text.subarray(at), { opcode: OPCODE.continued }),
      ]),
    };
  },
  'spoiled frames': () => ({ bytes: spoiledBytes(dice, Buffer.concat([frame(good()), frame(good())])) }),
  noise: () => ({ bytes: randomOf(1 + below(dice, 200)) }),
};
const NAMES = Object.keys(ATTACKS);

const randomOf = (length: number): Buffer => Buffer.from(Array.from({ length }, () => below(dice, 256)));

/** Frames of a server, which are not masked; what is left over has not arrived whole. */
const framesOf = (bytes: Buffer): { opcode: number; payload: Buffer }[] => {
  const frames: { opcode: number; payload: Buffer }[] = [];
  for (let at = 0; at + 2 <= bytes.length; ) {
    const short = (bytes[at + 1] ?? 0) & 127;
    const head = at + (short === 126 ? 4 : short === 127 ? 10 : 2);
    if (head > bytes.length) break;
    const length =
      short === 126
        ? bytes.readUInt16BE(at + 2)
        : short === 127
          ? Number(bytes.readBigUInt64BE(at + 2))
          : short;
    if (head + length > bytes.length) break;
    frames.push({ opcode: (bytes[at] ?? 0) & 15, payload: bytes.subarray(head, head + length) });
    at = head + length;
  }
  return frames;
};

const HEAD_END = Buffer.from('\r\n\r\n');

/** A stream of a peer, by hand. */
class Stream {
  readonly socket: Socket;
  readonly ended: Promise<void>;
  #bytes: Buffer = Buffer.alloc(0);
  #heard: () => void = () => {};

  constructor(from: string, { answersPings = false } = {}) {
    this.socket = connect({ host: '127.42.0.1', port: served.port, localAddress: from, allowHalfOpen: true });
    this.socket.on('error', () => {});
    this.socket.on('data', (data) => {
      const pings = this.frames.filter(({ opcode }) => opcode === OPCODE.ping).length;
      this.#bytes = Buffer.concat([this.#bytes, data]);
      const more = this.frames.filter(({ opcode }) => opcode === OPCODE.ping).slice(pings);
      if (answersPings)
        for (const { payload } of more) this.socket.write(frame(payload, { opcode: OPCODE.pong }));
      this.#heard();
    });
    this.ended = new Promise((resolve) => {
      this.socket.once('end', resolve);
      this.socket.once('close', () => resolve());
    });
    void this.ended.then(() => this.#heard());
    this.socket.write(
      served.head(
        `GET ${STREAM_PATH} HTTP/1.1`,
        ...['Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13'],
        ...['Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==', `Sec-WebSocket-Protocol: ${SUBPROTOCOL}`],
      ),
    );
  }

  get frames(): { opcode: number; payload: Buffer }[] {
    const end = this.#bytes.indexOf(HEAD_END);
    return end < 0 ? [] : framesOf(this.#bytes.subarray(end + HEAD_END.length));
  }

  /** The code with which the server closed; 1006 where it said nothing. */
  get code(): number {
    const close = this.frames.find(({ opcode }) => opcode === OPCODE.close);
    if (!close) return 1006;
    return close.payload.length >= 2 ? close.payload.readUInt16BE(0) : 1005;
  }

  /** Waits until something is so, or the connection is over; false: neither within 10 s. */
  async until(isSo: () => boolean): Promise<boolean> {
    let isOver = false;
    void this.ended.then(() => {
      isOver = true;
    });
    const deadline = performance.now() + 10_000;
    while (!isSo() && !isOver) {
      const left = deadline - performance.now();
      if (left <= 0) return false;
      let timer: NodeJS.Timeout | undefined;
      await new Promise<void>((resolve) => {
        this.#heard = resolve;
        timer = setTimeout(resolve, left);
      });
      clearTimeout(timer);
    }
    return true;
  }
}

/** Sends what an attack sends, and waits until the server has closed or goes on as if nothing were. */
const attack = async (from: string, { bytes }: Attack): Promise<number | 'goes on' | 'waits'> => {
  const stream = new Stream(from);
  try {
    if (!(await stream.until(() => stream.frames.length > 0))) throw new Error('there was no welcome');
    stream.socket.write(bytes);
    stream.socket.write(frame(Buffer.from('still there?'), { opcode: OPCODE.ping }));
    const isPong = () =>
      stream.frames.some(
        ({ opcode, payload }) => opcode === OPCODE.pong && payload.equals(Buffer.from('still there?')),
      );
    const isClosed = () => stream.frames.some(({ opcode }) => opcode === OPCODE.close);
    // A frame that waits for more bytes swallows the ping: only the end of what we say ends it.
    stream.socket.end();
    if (!(await stream.until(() => isPong() || isClosed()))) throw new Error('neither closed nor alive');
    if (isClosed()) return stream.code;
    return isPong() ? 'goes on' : 'waits';
  } finally {
    stream.socket.destroy();
  }
};

it('R17: each socket pays for itself, with the right code', { timeout: 7_200_000 }, async () => {
  const tried = new Tally();
  const wanted = roundsOr(300);
  const witness = new Stream(peers[0]?.ip ?? '', { answersPings: true });
  await witness.until(() => witness.frames.length > 0);
  const [position, state] = [served.live.head.position, JSON.stringify(served.network)];
  for (let round = 0; tried.of('refused') < wanted; round += 1) {
    const name = oneOf(dice, NAMES);
    const made = ATTACKS[name]?.() ?? { bytes: Buffer.alloc(0) };
    turn += 1;
    const outcome = await attack(peers[1 + (turn % (PEERS - 1))]?.ip ?? '', made);
    const what = `round ${round}, ${name}: ${made.bytes.toString('hex').slice(0, 400)}: ${outcome}`;
    tried.add(name);
    if (outcome === 'goes on') tried.add('understood after all');
    else tried.add('refused');
    if (made.codes) expect(made.codes, what).toContain(outcome);
    else if (typeof outcome === 'number') expect(CODES, what).toContain(outcome);
    expect(served.live.head.position, what).toBe(position);
    expect(served.troubles, what).toEqual([]);
    if (round % 50 === 0) expect(JSON.stringify(served.network), what).toBe(state);
  }
  expect(JSON.stringify(served.network)).toBe(state);
  // Who sat beside all this hears of the next change.
  const heard = witness.frames.length;
  await served.run({ type: 'RenamePeer', peer: 'peer1', name: 'renamed' as never });
  expect(await witness.until(() => witness.frames.length > heard)).toBe(true);
  expect(witness.frames.some(({ payload }) => payload.includes('"renamed"'))).toBe(true);
  witness.socket.destroy();
  sayTried('R17 over WebSocket', tried.counts);
});

// The page that describes proofs is right, for our code and for its own Python; and what is not the very same is no proof.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CAN, Can, canText } from '../../src/protocol/can.ts';
import { OpeningFrame, Proof } from '../../src/protocol/frames.ts';
import {
  type Call,
  checkAnswer,
  checkCall,
  isPossessed,
  isStreamProof,
  isTimely,
  type PairKeys,
  pairKeys,
  proveAnswer,
  proveCall,
  proveStream,
} from '../../src/protocol/proof.ts';
import {
  PROOF_HEADER,
  parseAnswerHeader,
  parseCallHeader,
  spell,
  unspell,
} from '../../src/protocol/proof-header.ts';
import { PrivateKey, type PublicKey } from '../../src/values/key.ts';
import { HASHES, pairSecret } from '../../src/wireguard/pair-secret.ts';

const page = readFileSync(new URL('../../docs/proof-by-key.md', import.meta.url), 'utf8');
const block = (language: string): string =>
  new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\`$`, 'ms').exec(page)?.[1] ?? '';

type Pair = {
  client_private: string;
  client_public: PublicKey;
  server_private: string;
  server_public: PublicKey;
  secret: string;
  kc: string;
  ks: string;
};
type Vectors = {
  pairs: [Pair, Pair];
  calls: (Omit<Call, 'body'> & { body: string; header: string; tag: string })[];
  answers: { to: number; status: number; encoding: string; parts: string[]; header: string }[];
  streams: { upgrade: number; challenge: string; server: string; client: string }[];
};
const vectors: Vectors = JSON.parse(block('json'));

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const hex = (data: Uint8Array): string => Buffer.from(data).toString('hex');
const keysOf = (pair: Pair, secret = Buffer.from(pair.secret, 'hex')): PairKeys =>
  pairKeys(secret, { client: pair.client_public, server: pair.server_public }, HASHES);
const [keys, possession] = [keysOf(vectors.pairs[0]), keysOf(vectors.pairs[1])];
const callOf = ({ body, ...call }: Vectors['calls'][number]): Call => ({ ...call, body: bytes(body) });
const proofOf = (header: string) => parseCallHeader(header)!;

describe('the vectors', () => {
  it('are sound for the Python of the page, and for it alone as they stand', () => {
    const python = (input: string): string =>
      execFileSync('python3', ['-c', block('python')], { input, encoding: 'utf8', stdio: 'pipe' });
    expect(python(block('json'))).toBe('sound\n');
    expect(() => python(block('json').replace('"status": 204', '"status": 200'))).toThrow(/AssertionError/);
  });

  it.each(vectors.pairs)('have the secret of their keys from either side', (pair) => {
    const { client_private, client_public, server_private, server_public } = pair;
    const [client, server] = [PrivateKey.parse(client_private), PrivateKey.parse(server_private)];
    expect(hex(pairSecret(client, server_public))).toBe(pair.secret);
    expect(hex(pairSecret(server, client_public))).toBe(pair.secret);
    expect([hex(keysOf(pair).client), hex(keysOf(pair).server)]).toEqual([pair.kc, pair.ks]);
  });

  it.each(vectors.calls)('prove $purpose $method', (vector) => {
    const proof = proofOf(vector.header);
    const call = callOf(vector);
    const both = vector.purpose === 'redeem' ? { ...keys, possession } : keys;
    const sent = proveCall(both, call, proof, HASHES);
    expect([sent.header, hex(sent.tag)]).toEqual([vector.header, vector.tag]);
    expect(hex(checkCall(keys, call, proof, HASHES)!)).toBe(vector.tag);
    expect(isPossessed(possession, call, proof, HASHES)).toBe(vector.purpose === 'redeem');
  });

  it.each(vectors.answers)(
    'prove an answer with status $status',
    ({ to, status, encoding, parts, header }) => {
      const tag = Buffer.from(vectors.calls[to]!.tag, 'hex');
      const [boot = '', now = ''] = header.split('.');
      const moment = { boot, now: Number(now) };
      const hashed = parts.map((part) => ({ hash: HASHES.sha256(bytes(part)), length: bytes(part).length }));
      expect(proveAnswer(keys, tag, { status, encoding, moment, parts: hashed }, HASHES)).toBe(header);
      expect(
        checkAnswer(keys, tag, { header, status, encoding, body: bytes(parts.join('')) }, HASHES),
      ).toEqual(moment);
    },
  );

  it.each(vectors.streams)('prove a stream to both sides', ({ upgrade, challenge, server, client }) => {
    const tag = Buffer.from(vectors.calls[upgrade]!.tag, 'hex');
    const told = [keys.server, keys.client].map((key) => proveStream(key, tag, bytes(challenge), HASHES));
    expect(told).toEqual([server, client]);
    expect(isStreamProof({ tag: server }, keys.server, [tag, bytes(challenge)], HASHES)).toBe(true);
    expect(isStreamProof({ tag: client }, keys.server, [tag, bytes(challenge)], HASHES)).toBe(false);
    expect(OpeningFrame.parse(JSON.parse(challenge)).kind).toBe('challenge');
    expect(Proof.parse({ kind: 'proof', tag: client })).toEqual(
      OpeningFrame.parse({ kind: 'proof', tag: client }),
    );
  });
});

describe('what is not the very same is no proof', () => {
  const vector = vectors.calls[1]!;
  const call = callOf(vector);
  const proof = proofOf(vector.header);
  const tag = Buffer.from(vector.tag, 'hex');

  it('a call with anything changed, or by the server', () => {
    const changed: Call[] = [
      { ...call, purpose: 'redeem' },
      { ...call, method: 'PUT' },
      { ...call, target: `${call.target}?` },
      { ...call, body: bytes(`${vector.body} `) },
    ];
    for (const other of changed) expect(checkCall(keys, other, proof, HASHES)).toBeUndefined();
    const { boot } = proofOf(vectors.calls[0]!.header);
    for (const other of [
      { ...proof, boot },
      { ...proof, at: 1 },
      { ...proof, nonce: 'A'.repeat(16) },
    ])
      expect(checkCall(keys, call, other, HASHES)).toBeUndefined();
    expect(checkCall({ client: keys.server, server: keys.client }, call, proof, HASHES)).toBeUndefined();
    expect(checkCall(possession, call, proof, HASHES)).toBeUndefined();
  });

  it('text that moves from one field to the next', () => {
    const moved = { ...call, method: 'POS', target: `T${call.target}` };
    expect(checkCall(keys, moved, proof, HASHES)).toBeUndefined();
  });

  it('an answer with anything changed, to another call, or by the client', () => {
    const answer = { status: 200, encoding: 'gzip', body: bytes('firstsecond') };
    const moment = { boot: proofOf(vectors.calls[0]!.header).boot, now: 4720 };
    const parts = ['first', 'second'].map((part) => ({
      hash: HASHES.sha256(bytes(part)),
      length: part.length,
    }));
    const header = proveAnswer(keys, tag, { ...answer, moment, parts }, HASHES);
    const check = (changes: object, by = keys, to: Uint8Array = tag) =>
      checkAnswer(by, to, { ...answer, header, ...changes }, HASHES);
    expect(check({})).toEqual(moment);
    const other = [
      check({ status: 401 }),
      check({ encoding: '' }),
      check({ body: bytes('firstsecon') }),
      check({ body: bytes('secondfirst') }),
      check({ header: undefined }),
      check({ header: header.replace('.4720.', '.4721.') }),
      check({ header: header.replace(/5$/, '6') }),
      check({ header: header.replace(/5$/, '500') }),
      check({ header: header.replace(/\.5$/, '') }),
      check({}, { client: keys.server, server: keys.client }),
      check({}, keys, Buffer.from(vectors.calls[0]!.tag, 'hex')),
      check({}, keys, tag.subarray(0, 16)),
    ];
    expect(other).toEqual(other.map(() => undefined));
  });

  it('a secret of zeros', () => {
    expect(() => keysOf(vectors.pairs[0], Buffer.alloc(32))).toThrow('zeros');
    const zero = Buffer.alloc(32).toString('base64') as PublicKey;
    expect(() => pairSecret(PrivateKey.parse(vectors.pairs[0].client_private), zero)).toThrow();
  });
});

describe('a header', () => {
  const [plain = '', , redeem = ''] = vectors.calls.map(({ header }) => header);

  it('has one spelling', () => {
    for (const header of [plain, redeem]) expect(parseCallHeader(header)).toBeDefined();
    const wrong = [
      undefined,
      '',
      ` ${plain}`,
      `${plain}.`,
      `${plain}=`,
      plain.replace('.4711.', '.04711.'),
      plain.replace('.4711.', '.-1.'),
      plain.replace('.4711.', '.4711.5.'),
      plain.replace(/g$/, 'h'), // the same bytes
      plain.replace(/w\./, 'x.'),
      plain.replaceAll('.', ' '),
      `${redeem}.${'A'.repeat(22)}`,
    ];
    expect(wrong.filter((header) => parseCallHeader(header) !== undefined)).toEqual([]);
    const answer = vectors.answers[0]!.header;
    expect(parseAnswerHeader(answer)?.lengths).toEqual([5]);
    for (const header of [`${answer}.05`, `${answer}.`, plain, answer.replace('.5', '.5'.repeat(9))])
      expect(parseAnswerHeader(header)).toBeUndefined();
  });

  it('spells bytes so that they come back', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), (data) => {
        expect(spell(data)).toMatch(/^[\w-]{22}$/);
        expect(unspell(spell(data))).toEqual(data);
      }),
    );
  });

  it('is 120 bytes long at most, name and line end included, also when a server has run for ten years', () => {
    const headers = [...vectors.calls, ...vectors.answers].map(({ header }) =>
      header.replace(/\.\d{4,5}\./, '.315360000000.').replace(/\.5$/, '.400000'),
    );
    const sizes = headers.map((header) => `${PROOF_HEADER}: ${header}\r\n`.length);
    expect([Math.min(...sizes) > 60, Math.max(...sizes) <= 120]).toEqual([true, true]);
  });
});

it('a call is timely in the same run of the server, within a minute either way', () => {
  const now = { boot: 'a', now: 100_000 };
  expect([40_000, 100_000, 160_000].map((at) => isTimely({ boot: 'a', at }, now))).toEqual([
    true,
    true,
    true,
  ]);
  expect([39_999, 160_001].map((at) => isTimely({ boot: 'a', at }, now))).toEqual([false, false]);
  expect(isTimely({ boot: 'b', at: 100_000 }, now)).toBe(false);
});

it('names of what a program can do go over a query', () => {
  expect(Can.parse(canText(CAN).split(','))).toEqual([...CAN]);
  expect(Can.safeParse(['x y']).success).toBe(false);
});

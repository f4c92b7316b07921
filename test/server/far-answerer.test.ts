// Questions answered in a thread: the same answers as here, what goes wrong in it stays there, and it comes to a price.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Peer } from '../../src/domain/peer.ts';
import type { NetworkEvent } from '../../src/events/schema.ts';
import { DIGESTS_PATH, PAST_PATH } from '../../src/protocol/http.ts';
import { NearAnswerer } from '../../src/server/past/answerer.ts';
import { FarAnswerer } from '../../src/server/past/far-answerer.ts';
import type { Sight } from '../../src/server/past/own-past.ts';
import { Failure } from '../../src/values/failure.ts';
import { append, commitOf } from '../store/temp-log.ts';
import { ServedNetwork } from './served-network.ts';

const PROGRAM = new URL('../../dist/past-thread.js', import.meta.url);
const RENAMES = 12_000;

let served: ServedNetwork;
let [ann, bob, eve]: Peer[] = [];
let [near, far]: [NearAnswerer, FarAnswerer] = [undefined!, undefined!];

beforeAll(async () => {
  served = await ServedNetwork.start((log) => {
    near = new NearAnswerer(log);
    far = new FarAnswerer(PROGRAM, log.file);
    return far;
  });
  ann = await served.peer('ann', { admin: true });
  bob = await served.peer('bob');
  eve = await served.peer('eve', { cidr: 'robots' });
  const renamed = (n: number): NetworkEvent => ({
    type: 'PeerRenamed',
    peerId: eve!.id,
    name: `eve-${n % 7}`,
  });
  for (let n = 0; n < RENAMES; n += 1_000)
    await append(served.log, commitOf(Array.from({ length: 1_000 }, (_, index) => renamed(n + index))));
  const { position } = await served.log.head();
  await served.live.reached(position);
});
afterAll(() => served.close());

const ask = (from: Peer | undefined, question: object) =>
  served.call(PAST_PATH, { from: from?.ip ?? '', method: 'POST', body: question });

describe('a thread that answers questions', () => {
  const seesAll: Sight = async (ids) => new Map(ids.map((id) => [id, `peer-${id}`]));
  const questions = [
    { ask: 'head' },
    { ask: 'place', at: 100 },
    { ask: 'state', at: 9 },
    { ask: 'diff', from: 5, to: 500 },
    { ask: 'why', peers: ['ann', 'bob'] },
    { ask: 'why', peers: ['bob', 'eve-3'], at: 900 },
    { ask: 'history', after: 0, limit: 30 },
    { ask: 'history', after: 0, limit: 30, wordless: true, about: 'bob' },
    { ask: 'undo', reverts: 12 },
    { ask: 'state', at: 99_999 },
    { ask: 'why', peers: ['bob', 'nobody'] },
  ] as const;

  const toldBy = async (answerer: NearAnswerer | FarAnswerer, question: object, asker?: Peer) => {
    const inquiry = { question, bearers: [], ...(asker ? { asker } : {}) } as never;
    try {
      return JSON.parse(Buffer.from((await answerer.answer(inquiry, seesAll)).bytes).toString());
    } catch (error) {
      const { name, message, hint, verb } = error as Failure;
      return { name, constructor: (error as Error).constructor.name, message, hint, verb };
    }
  };

  it.each(questions)('tells an admin, and anybody else, the same as here: %o', async (question) => {
    expect(await toldBy(far, question)).toEqual(await toldBy(near, question));
    expect(await toldBy(far, question, bob)).toEqual(await toldBy(near, question, bob));
  });

  it('knows why a rule refused, and the digests of long ago', async () => {
    const rejection = { code: 'PeerNameTaken', name: 'bob', ip: bob!.ip } as const;
    expect(await far.backgroundOf(rejection)).toBe(await near.backgroundOf(rejection));
    const page = await served.call(`${DIGESTS_PATH}?position=3`, { from: bob!.ip });
    const records = await served.log.read(3, 5_000);
    expect(page.json()).toEqual({ from: 3, position: 5_003, digests: records.map(({ digest }) => digest) });
  });

  it('keeps nobody waiting who asks nothing of it, while it works', async () => {
    const order: string[] = [];
    const hard = [ask(ann, { ask: 'diff', from: 5 }), ask(ann, { ask: 'state', at: 11_000 })].map(
      async (answer) => {
        expect((await answer).status).toBe(200);
        order.push('answered');
      },
    );
    for (let call = 0; call < 5; call += 1)
      expect((await served.call('/v1/user/capabilities', { from: bob!.ip })).status).toBe(200);
    await served.run({ type: 'DisablePeer', peer: 'ann' }).catch(() => {}); // the last admin: refused
    order.push('called');
    await Promise.all(hard);
    expect(order.indexOf('called')).toBeLessThan(order.lastIndexOf('answered'));
  });

  it('ends with its questions alone, and is there again for the next', async () => {
    const small = new FarAnswerer(PROGRAM, served.log.file, 4);
    const inquiry = { question: { ask: 'diff', from: 5 }, bearers: [] } as never;
    const both = [small.answer(inquiry, seesAll), small.backgroundOf({ code: 'NoNetwork' })];
    for (const one of both) await expect(one).rejects.toThrow(Failure);
    await expect(small.answer(inquiry, seesAll)).rejects.toThrow('questions about the log');
    await small.close();
    expect((await ask(bob, { ask: 'head' })).status).toBe(200);
  });

  it('works for a peer as long as that has calls left: what it takes is charged', async () => {
    let answered = 0;
    while ((await ask(ann, { ask: 'diff', from: 5, to: 11_000 + answered })).status === 200) answered += 1;
    expect(answered).toBeLessThan(19);
    expect((await ask(bob, { ask: 'head' })).status).toBe(200);
  });
});

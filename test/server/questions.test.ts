// Questions about the log cost who asks them: one of each peer at a time, all peers in turns, nothing for who has left.
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Peer } from '../../src/domain/peer.ts';
import { PAST_PATH } from '../../src/protocol/http.ts';
import { type Answered, type Inquiry, NearAnswerer } from '../../src/server/past/answerer.ts';
import type { Sight } from '../../src/server/past/own-past.ts';
import type { Hostname } from '../../src/values/name.ts';
import { ServedNetwork } from './served-network.ts';

/** The real one, which notes what it begins and ends, and in between waits until it may go on. */
class Noting extends NearAnswerer {
  readonly notes: string[] = [];
  #gate: Promise<void> = Promise.resolve();
  open: () => void = () => {};

  /** What is asked from now on waits for `open`. */
  shut(): void {
    this.#gate = new Promise((resolve) => {
      this.open = resolve;
    });
  }

  override async answer(inquiry: Inquiry, sight: Sight): Promise<Answered> {
    const { question, asker } = inquiry;
    this.notes.push(`${asker?.name ?? 'admin'}: ${question.ask}`);
    await this.#gate;
    return super.answer(inquiry, sight);
  }
}

let served: ServedNetwork;
let past: Noting;
let requests = 0;
let [ann, bob, eve]: Peer[] = [];

beforeEach(async () => {
  served = await ServedNetwork.start((log) => {
    past = new Noting(log);
    return past;
  });
  ann = await served.peer('ann', { admin: true });
  bob = await served.peer('bob');
  eve = await served.peer('eve');
  requests = 0;
  served.api.server.on('request', () => {
    requests += 1;
  });
});
afterEach(() => served.close());

const ask = (from: Peer | undefined, question: object) =>
  served.call(PAST_PATH, { from: from?.ip ?? '', method: 'POST', body: question });

/** Resolves when so many requests have come in, and have been read. */
const arrived = async (count: number): Promise<void> => {
  while (requests < count) await sleep(5);
  await sleep(50);
};

/** Resolves when so many questions have been begun. */
const begun = async (count: number): Promise<void> => {
  while (past.notes.length < count) await sleep(5);
};

/** Requests one behind the other on one connection, without waiting for answers. */
const pipelined = (from: Peer | undefined, questions: readonly object[]): Socket => {
  const socket = connect({ host: '127.42.0.1', port: served.port, localAddress: from?.ip ?? '' });
  socket.on('error', () => {});
  socket.resume();
  const texts = questions.map((question) => JSON.stringify(question));
  socket.write(
    texts
      .map((text) => `${served.head(`POST ${PAST_PATH} HTTP/1.1`, `Content-Length: ${text.length}`)}${text}`)
      .join(''),
  );
  return socket;
};

const HEAD = { ask: 'head' };
const PLACE = { ask: 'place', at: 0 };

describe('questions', () => {
  it('of one peer are answered one after another, and others come in between', async () => {
    past.shut();
    const many = pipelined(bob, [HEAD, HEAD, HEAD, HEAD]);
    await arrived(4);
    const answers = Promise.all([ask(eve, PLACE), ask(ann, PLACE)]);
    await arrived(6);
    past.open();
    expect((await answers).map(({ status }) => status)).toEqual([200, 200]);
    await begun(6);
    many.destroy();
    expect(past.notes.slice(0, 4).sort()).toEqual(['admin: place', 'bob: head', 'bob: head', 'eve: place']);
    expect(past.notes[0]).toBe('bob: head');
    expect(past.notes.slice(4)).toEqual(['bob: head', 'bob: head']);
  });

  it('of one peer are few at a time: the rest is refused, to it alone, and said', async () => {
    past.shut();
    const many = pipelined(bob, Array(8).fill(HEAD));
    await arrived(8);
    const refused = await ask(bob, HEAD);
    expect([refused.status, refused.json()]).toMatchObject([429, { code: 'TooManyQuestions' }]);
    const other = ask(eve, PLACE);
    past.open();
    expect((await other).status).toBe(200);
    await begun(9);
    many.destroy();
    expect(served.warnings).toContainEqual(expect.stringContaining('asks more of the log at a time'));
    expect((await ask(bob, HEAD)).status).toBe(200);
  });

  it('that whoever asked does not wait for are dropped', async () => {
    past.shut();
    const gone = pipelined(bob, Array(6).fill(HEAD));
    await arrived(6);
    gone.destroy();
    await sleep(100);
    past.open();
    expect((await ask(bob, PLACE)).status).toBe(200);
    expect(past.notes).toEqual(['bob: head', 'bob: place']);
  });

  it('that wait for something to happen keep nobody waiting, their own peer neither', async () => {
    const after = served.live.head.position;
    const waiting = ask(bob, { ask: 'history', after, limit: 10, wait: true });
    await arrived(1);
    expect((await ask(bob, PLACE)).status).toBe(200);
    await served.run({ type: 'RenamePeer', peer: 'bob', name: 'rob' as Hostname });
    expect((await waiting).json()).toMatchObject({ entries: [{ type: 'PeerRenamed' }] });
    expect(past.notes[0]).toBe('bob: place');
  });

  it('of an admin who is none any more when its turn comes are answered as to anybody', async () => {
    past.shut();
    const first = ask(eve, HEAD);
    await begun(1);
    const second = ask(ann, { ask: 'history', after: 0, limit: 1 });
    await arrived(2);
    await served.run({ type: 'GrantAdmin', peer: 'bob' });
    await served.run({ type: 'RevokeAdmin', peer: 'ann' });
    past.open();
    await first;
    expect((await second).json()).toMatchObject({ entries: [{ data: { name: 'ann' } }] });
    expect(past.notes).toEqual(['eve: head', 'ann: history']);
  });
});

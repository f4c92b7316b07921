// The log asked over the API: an admin hears everything, another peer of itself alone, and a dry run writes nothing.
import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Command } from '../../src/domain/command.ts';
import type { Peer } from '../../src/domain/peer.ts';
import { COMMANDS_PATH, PAST_PATH, UNDO_PATH } from '../../src/protocol/http.ts';
import { keyOf } from '../acme.ts';
import { ServedNetwork } from './served-network.ts';

let served: ServedNetwork;
let [ann, bob, oven]: Peer[] = [];

beforeAll(async () => {
  served = await ServedNetwork.start();
  ann = await served.peer('ann', { admin: true });
  bob = await served.peer('bob');
  oven = await served.peer('oven', { cidr: 'robots' });
  await served.call(COMMANDS_PATH, {
    from: ann.ip,
    method: 'POST',
    body: { id: 'rename', command: { type: 'RenamePeer', peer: 'oven', name: 'kiln' } },
  });
});
afterAll(() => served.close());

// biome-ignore lint/suspicious/noExplicitAny: whatever the question asks for
type Answer = Record<string, any>;

/** A fast machine asks more often than a peer may: what is refused for that is asked again. */
const call: ServedNetwork['call'] = async (path, asked) => {
  for (;;) {
    const answer = await served.call(path, asked);
    if (answer.status !== 429) return answer;
    await setTimeout(50);
  }
};

const ask = (from: Peer | undefined, body: object) =>
  call(PAST_PATH, { from: from?.ip ?? '', method: 'POST', body });

const answered = async (from: Peer | undefined, body: object) => {
  const { status, json } = await ask(from, body);
  expect(status).toBe(200);
  return json() as Answer;
};

const refused = async (from: Peer | undefined, body: object, status: number, error: string) => {
  const answer = await ask(from, body);
  expect([answer.status, answer.json()]).toEqual([status, expect.objectContaining({ error })]);
};

describe('an admin', () => {
  it('is told all of the history, filtered as asked', async () => {
    const { entries } = await answered(ann, { ask: 'history', after: 0, limit: 1000 });
    expect(entries).toHaveLength(served.live.head.position);
    const own = await answered(ann, {
      ask: 'history',
      after: 0,
      limit: 10,
      actor: 'ann',
      types: ['PeerRenamed'],
    });
    expect(own.entries).toMatchObject([{ sentence: 'ann renamed peer oven to kiln' }]);
  });

  it('is told the state, what changed, why, and how to undo it', async () => {
    const { position } = served.live.head;
    expect((await answered(ann, { ask: 'state', at: 4 })).peers).toHaveLength(1);
    expect((await answered(ann, { ask: 'diff', from: position - 1 })).peers.changed).toHaveLength(1);
    expect((await answered(ann, { ask: 'why', peers: ['ann', 'bob'] })).visible).toBe(true);
    expect((await answered(ann, { ask: 'undo', reverts: position })).commands).toEqual([
      { type: 'RenamePeer', peer: oven?.id, name: 'oven' },
    ]);
  });

  it('is told in a sentence where there is no answer', async () => {
    await refused(
      ann,
      { ask: 'state', at: 999 },
      400,
      `the log ends at position ${served.live.head.position}: there is no position 999 yet`,
    );
    await refused(ann, { ask: 'why', peers: ['ann', 'mallory'] }, 400, 'no peer was ever called "mallory"');
    expect((await ask(ann, { ask: 'everything' })).status).toBe(400);
    expect((await ask(ann, { ask: 'history', after: -1, limit: 1 })).status).toBe(400);
    expect((await ask(ann, { ask: 'history', after: 0, limit: 100_000 })).status).toBe(400);
  });

  it('waits for news, and is answered as they come', async () => {
    const waiting = answered(ann, {
      ask: 'history',
      after: served.live.head.position,
      limit: 10,
      wait: true,
    });
    await served.run({ type: 'GrantAdmin', peer: 'kiln' });
    await served.run({ type: 'RevokeAdmin', peer: 'kiln' });
    expect((await waiting).entries[0]).toMatchObject({ type: 'AdminGranted' });
  });

  it('tries a command out without it being kept', async () => {
    const before = served.live.head.position;
    const dryRun = (command: object) =>
      call(COMMANDS_PATH, {
        from: ann!.ip,
        method: 'POST',
        body: { id: 'try', dryRun: true, command },
      });
    const tried = await dryRun({ type: 'DisablePeer', peer: 'bob' });
    expect(tried.json()).toMatchObject({
      dryRun: true,
      position: before,
      events: [{ type: 'PeerDisabled', peerId: bob?.id }],
      sentences: ['disabled peer bob'],
      reach: {
        gained: [],
        lost: [{ peers: [{ name: 'bob' }], others: [{ name: 'innernet-server' }, { name: 'ann' }] }],
      },
    });
    expect((await dryRun({ type: 'DisablePeer', peer: 'mallory' })).status).toBe(404);
    expect(served.live.head.position).toBe(before);
    expect(served.network.peer(bob!.id)?.isDisabled).toBe(false);
    const done = await call(COMMANDS_PATH, {
      from: ann!.ip,
      method: 'POST',
      body: { id: 'try', command: { type: 'RenamePeer', peer: 'bob', name: 'bob' } },
    });
    expect(done.status).toBe(200);
  });
});

describe('undoing what takes more words than a body may have', () => {
  const undo = (from: Peer | undefined, id: string, asked: object) =>
    call(UNDO_PATH, { from: from?.ip ?? '', method: 'POST', body: { id, undo: asked } });

  it('is done by name, once, and only where nothing has changed since it was planned', async () => {
    const start = served.live.head.position;
    const commands = Array.from({ length: 120 }, (_, index) => ({
      type: 'AddCidr',
      name: `${'c'.repeat(50)}-${index}`,
      cidr: `127.42.3.${index}/32`,
    }));
    await served.run(Command.parse({ type: 'AllOf', commands }));
    const at = served.live.head.position;
    const plan = await answered(ann, { ask: 'undo', to: start });
    expect([plan.commands.length, plan.at]).toEqual([120, at]);
    const done = await undo(ann, 'undo', { to: start, at });
    expect([done.status, served.live.head.position]).toEqual([200, at + 120]);
    expect([...served.network.cidrs()].filter(({ name }) => name.startsWith('ccc'))).toEqual([]);
    const again = await undo(ann, 'undo', { to: start, at });
    expect([again.status, again.json()]).toEqual([200, done.json()]);
    expect(served.live.head.position).toBe(at + 120);
    const late = await undo(ann, 'late', { to: start, at });
    expect([late.status, late.json()]).toMatchObject([409, { code: 'PlanOutdated' }]);
  });

  it('is refused in a sentence, and to all but admins', async () => {
    const { position: at } = served.live.head;
    expect((await undo(ann, 'a', { to: 0, at })).json()).toMatchObject({
      error: 'before position 1 there was no network to go back to',
    });
    expect((await undo(ann, 'b', { to: 3, at: at + 9 })).status).toBe(400);
    expect((await undo(bob, 'c', { to: 3, at })).status).toBe(401);
  });
});

it('a refusal tells an admin what the log knows of it, and nobody else', async () => {
  const rename = (from: Peer | undefined) =>
    call(COMMANDS_PATH, {
      from: from?.ip ?? '',
      method: 'POST',
      body: { id: 'taken', command: { type: 'RenamePeer', peer: 'kiln', name: 'bob' } },
    });
  expect((await rename(ann)).json()).toMatchObject({
    code: 'PeerNameTaken',
    background: expect.stringMatching(/^bob was added by root on the server at .+ \(position \d+\)$/),
  });
  expect((await rename(bob)).text).toBe('');
});

describe('another peer', () => {
  it('is told its own history, whoever wrote it unnamed where it does not see them', async () => {
    const { entries } = await answered(oven, { ask: 'history', after: 0, limit: 1000 });
    expect(entries.map(({ sentence }: { sentence: string }) => sentence)).toEqual([
      expect.stringMatching(/^somebody on the server added peer oven /),
      expect.stringMatching(/^oven redeemed the invitation of peer oven, /),
      'an admin renamed peer oven to kiln',
      'somebody on the server made peer kiln an admin',
      'somebody on the server took the admin right from peer kiln',
    ]);
    expect(JSON.stringify(entries)).not.toMatch(/ann|root/);
    const plain = await answered(oven, { ask: 'history', after: 0, limit: 1000, wordless: true });
    expect(JSON.stringify(plain)).not.toMatch(/ann|root|somebody/);
  });

  it('is told who did it where it sees them', async () => {
    const { status } = await call(COMMANDS_PATH, {
      from: ann!.ip,
      method: 'POST',
      body: {
        id: 'endpoint',
        command: { type: 'SetEndpointOverride', peer: 'bob', endpoint: '192.0.2.7:1' },
      },
    });
    expect(status).toBe(200);
    const { entries } = await answered(bob, {
      ask: 'history',
      after: 0,
      limit: 1000,
      types: ['EndpointOverrideSet'],
    });
    expect(entries).toMatchObject([{ sentence: 'ann set the endpoint of peer bob to 192.0.2.7:1' }]);
  });

  it('is told nothing of others', async () => {
    for (const question of [
      { ask: 'state' },
      { ask: 'diff', from: 0 },
      { ask: 'undo', reverts: 5 },
      { ask: 'history', after: 0, limit: 10, about: 'ann' },
      { ask: 'history', after: 0, limit: 10, actor: 'ann' },
      { ask: 'why', peers: ['ann', 'kiln'] },
    ])
      expect([question, (await ask(bob, question)).status]).toEqual([question, 403]);
  });

  it('is told why it can talk to those it sees, and does not learn who else there is', async () => {
    const { visible, reasons } = await answered(bob, { ask: 'why', peers: ['bob', 'ann'] });
    expect([visible, reasons[0].sentence]).toEqual([true, 'bob and ann are both in humans (127.42.1.0/24)']);
    const hidden = await ask(bob, { ask: 'why', peers: ['bob', 'kiln'] });
    const unknown = await ask(bob, { ask: 'why', peers: ['bob', 'mallory'] });
    expect(hidden.text.replace('kiln', 'mallory')).toBe(unknown.text);
    expect(hidden.status).toBe(unknown.status);
  });

  it('cannot try commands out', async () => {
    const body = { id: 'x', dryRun: true, command: { type: 'DisablePeer', peer: 'ann' } };
    expect((await call(COMMANDS_PATH, { from: bob!.ip, method: 'POST', body })).status).toBe(401);
  });
});

describe('what a peer did not see', () => {
  const at = (): number => served.live.head.position;
  const run = async (command: object): Promise<number> => {
    await served.run(Command.parse(command));
    return at();
  };
  const why = (from: Peer | undefined, peers: string[], moment?: number) =>
    ask(from, { ask: 'why', peers, ...(moment === undefined ? {} : { at: moment }) });
  const unseen = {
    code: 'NoAnswer',
    error: 'this machine saw no peer "build" then',
    hint: 'an admin can see why',
  };

  it('is not told by a name that somebody else has now', async () => {
    const hidden = await served.peer('build', { cidr: 'robots' });
    const then = at();
    await run({ type: 'RenamePeer', peer: 'build', name: 'vault' });
    const shown = await served.peer('shown');
    await run({ type: 'RenamePeer', peer: 'shown', name: 'build' });
    const joined = at();
    expect((await why(bob, ['bob', 'build'], then)).json()).toEqual(unseen);
    expect((await why(bob, ['bob', 'nobody'], then)).text).toBe(
      JSON.stringify(unseen).replace('build', 'nobody'),
    );
    expect((await why(bob, ['bob', 'build'], joined)).json()).toMatchObject({
      peers: [{ name: 'bob' }, { id: shown.id }],
    });
    expect((await why(bob, ['bob', `build@${then}`])).json()).toMatchObject({ code: 'NoAnswer' });
    expect((await why(bob, ['bob', hidden.ip])).json()).toMatchObject({ code: 'NoAnswer' });
    expect((await why(ann, ['bob', 'build'], then)).json()).toMatchObject({ peers: [{}, { id: hidden.id }] });
  });

  it('is not told of who is out of sight by now, nor of when somebody was', async () => {
    await run({ type: 'AddAssociation', cidrs: ['humans', 'robots'] });
    const then = at();
    const asked = (moment?: number) => why(bob, ['bob', 'vault'], moment);
    expect((await asked(then)).status).toBe(200);
    await run({ type: 'DeleteAssociation', cidrs: ['humans', 'robots'] });
    expect((await asked(then)).json()).toMatchObject({ error: 'this machine saw no peer "vault" then' });
    expect((await asked()).json()).toMatchObject({ error: 'this machine sees no peer "vault"' });
    const meanwhile = at();
    await run({ type: 'AddAssociation', cidrs: ['humans', 'robots'] });
    expect((await asked()).status).toBe(200);
    expect((await asked(meanwhile)).json()).toMatchObject({ error: 'this machine saw no peer "vault" then' });
    await run({ type: 'DeleteAssociation', cidrs: ['humans', 'robots'] });
  });

  it('is not told by its own name, where another had it', async () => {
    const other = await served.peer('twin', { cidr: 'robots' });
    const then = at();
    await run({ type: 'RenamePeer', peer: 'twin', name: 'elsewhere' });
    const own = await served.peer('own');
    await run({ type: 'RenamePeer', peer: 'own', name: 'twin' });
    for (const peers of [
      ['twin', 'bob'],
      ['bob', 'twin'],
    ]) {
      const { text } = await why(own, peers, then);
      expect(text).not.toContain(other.ip);
      expect(JSON.parse(text)).toMatchObject({ code: 'NoAnswer' });
    }
  });

  it('is not told by the event that added somebody, nor by names that CIDRs and admins had before', async () => {
    await run({ type: 'AddCidr', name: 'layoffs', cidr: '127.42.3.0/24' });
    await run({ type: 'RenamePeer', peer: 'ann', name: 'secret-ann' });
    const body = { id: 'open', command: { type: 'AddAssociation', cidrs: ['layoffs', 'humans'] } };
    expect((await served.call(COMMANDS_PATH, { from: ann!.ip, method: 'POST', body })).status).toBe(200);
    await run({ type: 'RenamePeer', peer: 'secret-ann', name: 'ann' });
    await run({ type: 'RenameCidr', cidr: 'layoffs', name: 'archive' });
    const [zoe, mia] = [
      await served.peer('zoe', { cidr: 'archive' }),
      await served.peer('mia', { cidr: 'archive' }),
    ];
    const told = [await why(zoe, ['zoe', 'bob']), await why(zoe, ['mia', 'zoe'])].map(({ text }) => text);
    expect(told.join()).not.toMatch(/layoffs|secret-ann/);
    expect(JSON.parse(told[0] ?? '').reasons[0].events).toMatchObject([
      { sentence: 'ann associated archive and humans' },
    ]);
    expect(JSON.parse(told[1] ?? '').reasons[0].events.map(({ data }: Answer) => data.peerId)).toEqual([
      zoe.id,
    ]);
    expect(told[1]).not.toContain(keyOf('invitation of mia'));
    expect(mia.id).toBe(JSON.parse(told[1] ?? '').peers[0].id);
  });

  it('is not told of the time before it was there itself', async () => {
    const before = at();
    const late = await served.peer('late');
    expect((await why(late, ['late', 'bob'], before)).json()).toMatchObject({ code: 'NoAnswer' });
    expect((await why(late, ['late', 'bob'])).status).toBe(200);
  });
});

it('nobody who has not joined is told anything', async () => {
  const eve = await served.peer('eve', { invited: true });
  expect((await ask(eve, { ask: 'head' })).status).toBe(401);
});

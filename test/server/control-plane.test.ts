// The way in for changes, over real logs: answers that are kept, waiting commands, races, and a log that fails.
import { spawn } from 'node:child_process';
import { on } from 'node:events';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { describe, expect, it, onTestFinished } from 'vitest';
import { bundleForRun } from '../../scripts/build.js';
import { Network } from '../../src/domain/network.ts';
import { Rejected } from '../../src/domain/rejection.ts';
import { ControlPlane, type WritableLog } from '../../src/server/commands/control-plane.ts';
import { loadNetwork } from '../../src/server/live/load-network.ts';
import { LoggedNetwork } from '../../src/server/live/logged-network.ts';
import { replay } from '../../src/store/follow.ts';
import type { AppendResult, NewCommit } from '../../src/store/log.ts';
import type { SqliteLog } from '../../src/store/sqlite-log.ts';
import { verifyChain } from '../../src/store/verify.ts';
import { Failure } from '../../src/values/failure.ts';
import { NO_HASH, type Position } from '../../src/values/id.ts';
import type { Timestamp } from '../../src/values/time.ts';
import { acme, ids, keyOf } from '../acme.ts';
import type { Asked } from '../given.ts';
import { append, commitOf, tempLog } from '../store/temp-log.ts';
import { addPeer, ask, attempts, OPERATOR } from './asking.ts';

/** A log that holds acme's network. */
const acmeLog = async (): Promise<SqliteLog> => {
  const log = await tempLog();
  await append(log, commitOf(acme.network));
  return log;
};

const planeOn = async (log: SqliteLog, way: WritableLog = log): Promise<ControlPlane> =>
  new ControlPlane(way, await LoggedNetwork.load(log));

const position = async (log: SqliteLog): Promise<Position> => (await log.head()).position;

/** The real log, with something done to its appends; `sizes` counts the commits of each. */
class Tampered implements WritableLog {
  readonly sizes: number[] = [];
  readonly #log: SqliteLog;
  readonly #tamper: (append: () => Promise<AppendResult>) => Promise<AppendResult>;

  constructor(log: SqliteLog, tamper: (append: () => Promise<AppendResult>) => Promise<AppendResult>) {
    this.#log = log;
    this.#tamper = tamper;
  }

  append(expected: Position, commits: readonly NewCommit[]): Promise<AppendResult> {
    this.sizes.push(commits.length);
    return this.#tamper(() => this.#log.append(expected, commits));
  }

  read = (after: Position, limit: number) => this.#log.read(after, limit);
  commitOf = (actor: string, commandId: string) => this.#log.commitOf(actor, commandId);
  head = () => this.#log.head();
  refresh = () => this.#log.refresh();
}

const rename = (name: string): Asked => ({ type: 'RenamePeer', peer: ids.bob, name });
const refusal = (code: string) => expect.objectContaining({ rejection: expect.objectContaining({ code }) });

describe('a command that is asked twice', () => {
  it('gets the first answer again, whatever happened since', async () => {
    const log = await acmeLog();
    const plane = await planeOn(log);
    const first = await ask(plane, rename('rob'), { commandId: 'a' });
    await ask(plane, rename('bert'));
    expect(await ask(plane, rename('rob'), { commandId: 'a' })).toEqual(first);
    expect(await position(log)).toBe(first.position + 1);
  });

  it('gets it also where nothing was appended', async () => {
    const log = await acmeLog();
    const plane = await planeOn(log);
    const end = await log.head();
    const nothing = { ...end, events: [] };
    expect(await ask(plane, rename('bob'), { commandId: 'a' })).toEqual(nothing);
    await ask(plane, rename('rob'));
    expect(await ask(plane, rename('bob'), { commandId: 'a' })).toEqual(nothing);
    expect(await position(log)).toBe(end.position + 1);
  });

  it('gets it after a restart', async () => {
    const log = await acmeLog();
    const plane = await planeOn(log);
    const first = await ask(plane, rename('rob'), { commandId: 'a' });
    const idle = await ask(plane, rename('rob'), { commandId: 'b' });
    await log.close();
    const again = await planeOn(await tempLog({ file: log.file }));
    expect(await ask(again, rename('rob'), { commandId: 'a' })).toEqual(first);
    expect(await ask(again, rename('rob'), { commandId: 'b' })).toEqual(idle);
  });

  it('gets it when both are asked at the same moment', async () => {
    const log = await acmeLog();
    const plane = await planeOn(log);
    const before = await position(log);
    const both = [addPeer('kim'), addPeer('kim')].map((command) => ask(plane, command, { commandId: 'a' }));
    const [first, second] = await Promise.all(both);
    expect(second).toEqual(first);
    expect(await position(log)).toBe(before + 1);
  });

  it('gets it whatever the order of its fields', async () => {
    const plane = await planeOn(await acmeLog());
    const first = await ask(plane, { type: 'RenamePeer', name: 'rob', peer: ids.bob }, { commandId: 'a' });
    expect(await ask(plane, rename('rob'), { commandId: 'a' })).toEqual(first);
  });
});

describe('an id', () => {
  it('stands for one command', async () => {
    const log = await acmeLog();
    const plane = await planeOn(log);
    const { position: end } = await ask(plane, rename('rob'), { commandId: 'a' });
    await expect(ask(plane, rename('bert'), { commandId: 'a' })).rejects.toEqual(refusal('CommandIdReused'));
    expect(await position(log)).toBe(end);
  });

  it('belongs to its actor', async () => {
    const plane = await planeOn(await acmeLog());
    await ask(plane, rename('rob'), { commandId: 'a' });
    const actor = { kind: 'peer', peerId: ids.ann } as const;
    const outcome = await ask(plane, rename('bert'), { commandId: 'a', actor });
    expect(outcome.events).toEqual([{ type: 'PeerRenamed', peerId: ids.bob, name: 'bert' }]);
  });

  it('is free after a refusal, which is judged anew', async () => {
    const log = await acmeLog();
    const plane = await planeOn(log);
    const before = await position(log);
    await expect(ask(plane, rename('ryo'), { commandId: 'a' })).rejects.toEqual(refusal('PeerNameTaken'));
    expect(await position(log)).toBe(before);
    await ask(plane, { type: 'RenamePeer', peer: ids.ryo, name: 'leo' });
    expect((await ask(plane, rename('ryo'), { commandId: 'a' })).events).toHaveLength(1);
  });
});

describe('commands that wait at the same moment', () => {
  const crowd = Array.from({ length: 20 }, (_, count) => addPeer(`peer-${count}`));
  const untouched = (append: () => Promise<AppendResult>) => append();

  it('share few transactions and see each other', async () => {
    const log = await acmeLog();
    const way = new Tampered(log, untouched);
    const plane = await planeOn(log, way);
    expect(await attempts(plane, crowd)).toEqual(crowd.map(() => 'done'));
    expect(way.sizes.length).toBeLessThanOrEqual(3);
    const network = await loadNetwork(log);
    const addresses = new Set([...network.peers()].map(({ ip }) => ip));
    expect(addresses.size).toBe(network.peerCount);
  });

  it('each get the end of their own commit', async () => {
    const log = await acmeLog();
    const plane = await planeOn(log);
    const outcomes = await Promise.all(crowd.map((command) => ask(plane, command)));
    for (const { position: end, hash, events } of outcomes) {
      const [record] = await log.read(end - 1, 1);
      expect(record).toMatchObject({ hash, commitEnd: end, type: 'PeerAdded' });
      expect(events).toMatchObject([{ name: JSON.parse(record!.body).name }]);
    }
  });

  it('hear nothing before their transaction, refusals neither', async () => {
    const log = await acmeLog();
    let committed = false;
    const way = new Tampered(log, async (append) => {
      await new Promise((wait) => setTimeout(wait, 20));
      const result = await append();
      committed = true;
      return result;
    });
    const plane = await planeOn(log, way);
    const heard = (): boolean => committed;
    const done = ask(plane, addPeer('kim')).then(heard);
    const refused = ask(plane, addPeer('kim', 'another')).catch(heard);
    expect(await Promise.all([done, refused])).toEqual([true, true]);
  });

  it('are not troubled by one that breaks a rule’s code', async () => {
    const plane = await planeOn(await acmeLog());
    const broken = plane.execute({ type: 'NoSuchCommand' } as never, { actor: OPERATOR });
    const [bug, ...rest] = await Promise.all([broken.catch((error) => error), ...attemptsOf(plane)]);
    expect(bug).toBeInstanceOf(TypeError);
    expect(rest).toEqual(['done', 'done']);
  });

  const attemptsOf = (plane: ControlPlane) =>
    [rename('rob'), addPeer('kim')].map((command) => attempts(plane, [command]).then(([result]) => result));
});

describe('a race for one name', () => {
  it('has one winner among fifty that ask here and through another connection', async () => {
    const log = await acmeLog();
    const other = await tempLog({ file: log.file });
    const planes = [await planeOn(log), await planeOn(other)];
    const commands = Array.from({ length: 25 }, (_, count) => `kim ${count}`);
    const results = await Promise.all(
      planes.map((plane, at) =>
        attempts(
          plane,
          commands.map((owner) => addPeer('kim', `${owner} of ${at}`)),
        ),
      ),
    );
    expect(tally(results.flat())).toEqual({ done: 1, PeerNameTaken: 49 });
    await verifyChain(log);
  });

  it('has one winner among several processes, and every loser hears why', async () => {
    const log = await acmeLog();
    const bundle = await bundleForRun(resolve('test/server/racing-writer.ts'), 'run-racing-writer');
    const rivals = await Promise.all(['one', 'two'].map((who) => rival(bundle, log.file, who)));
    const plane = await planeOn(log);
    for (let round = 0; round < 10; round++) {
      const name = `kim-${round}`;
      const own = Array.from({ length: 10 }, (_, count) => addPeer(name, `${name} ${count}`));
      const results = await Promise.all([...rivals.map((race) => race(name, 20)), attempts(plane, own)]);
      expect(tally(results.flat())).toEqual({ done: 1, PeerNameTaken: 49 });
    }
    await verifyChain(log);
    const peers = [...(await loadNetwork(log)).peers()];
    expect(new Set(peers.map(({ ip }) => ip)).size).toBe(peers.length);
  }, 60_000);

  it('gives the first answer also to a repeat that was looked up just before the first was carried out', async () => {
    const log = await acmeLog();
    const rival = await planeOn(await tempLog({ file: log.file }));
    const command = addPeer('kim');
    let first: { position: number } | undefined;
    const late: WritableLog = Object.assign(Object.create(log) as WritableLog, {
      append: log.append.bind(log),
      read: log.read.bind(log),
      head: log.head.bind(log),
      refresh: log.refresh.bind(log),
      commitOf: async (actor: string, commandId: string) => {
        const known = await log.commitOf(actor, commandId);
        first ??= await ask(rival, command, { commandId: 'one' });
        return known;
      },
    });
    const plane = await planeOn(log, late);
    const asked = [ask(plane, command, { commandId: 'one' }), ask(plane, addPeer('zoe'))];
    const [again] = await Promise.all(asked);
    expect(again?.position).toBe(first?.position);
  });

  it('has one winner for an address and for a key', async () => {
    const log = await acmeLog();
    const other = await tempLog({ file: log.file });
    const asked = [
      [1, (count: number) => ({ ...addPeer(`a${count}`), ip: acme.at('bakers', 77) }), 'IpTaken'],
      [2, (count: number) => addPeer(`b${count}`, 'the same key'), 'KeyTaken'],
    ] as const;
    for (const [, command, loss] of asked) {
      const rivals = [await planeOn(log), await planeOn(other)].map((plane, at) =>
        attempts(
          plane,
          Array.from({ length: 10 }, (_, count) => command(10 * at + count)),
        ),
      );
      expect(tally((await Promise.all(rivals)).flat())).toEqual({ done: 1, [loss]: 19 });
    }
  });

  const tally = (results: readonly string[]): Record<string, number> => {
    const counts: Record<string, number> = {};
    for (const result of results) counts[result] = (counts[result] ?? 0) + 1;
    return counts;
  };
});

/** Starts a program on the same file; what it returns lets that one join a race. */
const rival = async (bundle: string, file: string, who: string) => {
  const child = spawn(process.execPath, [bundle, file, who], { stdio: ['pipe', 'pipe', 'inherit'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  const lines = on(createInterface({ input: child.stdout }), 'line');
  const answer = async (): Promise<string> => (await lines.next()).value[0];
  expect(await answer()).toBe('ready');
  return async (name: string, times: number): Promise<string[]> => {
    child.stdin.write(`${name} ${times}\n`);
    return JSON.parse(await answer());
  };
};

describe('a log that fails', () => {
  const failing = (
    log: SqliteLog,
    ...failures: ((append: () => Promise<AppendResult>) => Promise<AppendResult>)[]
  ) => new Tampered(log, (append) => (failures.shift() ?? ((real) => real()))(append));
  const cause = new Error('the disk has gone');

  it('costs those commands, and the next are decided on what is really there', async () => {
    const log = await acmeLog();
    const before = await position(log);
    const full = new Failure('the disk is full');
    const plane = await planeOn(
      log,
      failing(log, () => Promise.reject(full)),
    );
    const lost = await attempts(plane, [rename('rob'), addPeer('kim'), addPeer('kim', 'another key')]);
    expect(lost).toEqual([String(full), String(full), String(full)]);
    expect(await position(log)).toBe(before);
    expect(await attempts(plane, [addPeer('kim'), rename('kim')])).toEqual(['done', 'PeerNameTaken']);
    expect((await loadNetwork(log)).peer(ids.bob)?.name).toBe('bob');
  });

  it('that does not know what it did is asked what it did: it was written', async () => {
    const log = await acmeLog();
    const before = await position(log);
    const way = failing(log, async (append) => {
      await append();
      return { kind: 'unknown', cause };
    });
    const plane = await planeOn(log, way);
    const [first, second] = await Promise.all([ask(plane, addPeer('kim')), ask(plane, rename('rob'))]);
    expect([first, second].map(({ position: end }) => end)).toEqual([before + 1, before + 2]);
    expect(first.events).toMatchObject([{ type: 'PeerAdded', name: 'kim' }]);
    expect(await position(log)).toBe(before + 2);
    expect(way.sizes).toEqual([2]);
  });

  it('that does not know what it did is asked what it did: it was not', async () => {
    const log = await acmeLog();
    const before = await position(log);
    const way = failing(log, async () => ({ kind: 'unknown', cause }));
    const plane = await planeOn(log, way);
    const both = [addPeer('kim'), rename('rob')].map((command) => ask(plane, command));
    expect((await Promise.all(both)).map(({ position: end }) => end)).toEqual([before + 1, before + 2]);
    expect(way.sizes).toEqual([2, 2]);
  });

  it('for good is said to everybody, without trying for ever', async () => {
    const log = await acmeLog();
    const way = new Tampered(log, async () => ({ kind: 'unknown', cause }));
    const plane = await planeOn(log, way);
    const trouble = expect.objectContaining({ message: expect.stringContaining('cannot be written'), cause });
    const errors = await Promise.all(
      [addPeer('kim'), rename('rob'), rename('ryo')].map((command) => ask(plane, command).catch((e) => e)),
    );
    expect(errors).toEqual([trouble, trouble, trouble]);
    expect(way.sizes).toEqual([2, 2]);
    await expect(ask(plane, rename('bert'))).rejects.toEqual(trouble);
  });

  it('cannot be read: everybody hears of it, and it is read anew', async () => {
    const log = await acmeLog();
    let readable = true;
    const reading = {
      head: () => (readable ? log.head() : Promise.reject(cause)),
      read: (after: Position, limit: number) => log.read(after, limit),
    };
    const plane = new ControlPlane(log, new LoggedNetwork(reading, await loadNetwork(log)));
    readable = false;
    const gone = String(cause);
    expect(await attempts(plane, [addPeer('kim'), rename('rob')])).toEqual([gone, gone]);
    expect(await attempts(plane, [addPeer('kim')])).toEqual([gone]);
    readable = true;
    expect(await attempts(plane, [addPeer('kim'), rename('rob')])).toEqual(['done', 'done']);
  });

  it('always taken by others is given up', async () => {
    const log = await acmeLog();
    const way = new Tampered(log, async () => ({ kind: 'conflict' }));
    const plane = await planeOn(log, way);
    await expect(ask(plane, rename('rob'))).rejects.toThrow('kept writing');
  });

  it('that became shorter is not written to', async () => {
    const log = await tempLog();
    await append(log, commitOf(acme.created));
    const ahead = new Network();
    ahead.advance(acme.network, acme.network.length);
    const plane = new ControlPlane(log, new LoggedNetwork(log, ahead));
    await expect(ask(plane, rename('rob'))).rejects.toThrow('the log ends at position 4');
  });
});

it('begins with an empty log', async () => {
  const log = await tempLog();
  const plane = new ControlPlane(log, new LoggedNetwork(log, new Network()));
  await expect(ask(plane, rename('rob'))).rejects.toBeInstanceOf(Rejected);
  const creation = {
    type: 'CreateNetwork',
    name: 'acme',
    cidr: '10.42.0.0/16',
    serverKey: keyOf('server'),
    endpoint: 'vpn.example.org:51820',
  } as const;
  const outcome = await ask(plane, creation);
  expect(outcome).toMatchObject({ position: 5, events: acme.createdNow });
  expect(outcome.hash).not.toBe(NO_HASH);
});

it('judges ends by the clock for ends: one that has jumped ends no invitation', async () => {
  const log = await acmeLog();
  const [now, ends] = ['2030-01-01T00:00:00.000Z', '2026-11-22T12:00:00.000Z'] as Timestamp[];
  const planeAt = async (time = ends) =>
    new ControlPlane(
      log,
      await LoggedNetwork.load(log),
      () => now as Timestamp,
      () => time as Timestamp,
    );
  const [plane, expire] = [await planeAt(), { type: 'ExpireInvitations' } as const];
  expect(await ask(plane, expire)).toMatchObject({ events: [] });
  await expect(ask(plane, addPeer('eve', 'another'))).rejects.toEqual(refusal('PeerNameTaken'));
  expect(await ask(plane, rename('rob'))).toMatchObject({ events: [{ type: 'PeerRenamed' }] });
  expect((await log.read((await position(log)) - 1, 1))[0]?.recordedAt).toBe(now);
  expect(await ask(await planeAt(now), expire)).toMatchObject({ events: [{ type: 'InvitationExpired' }] });
});

it('stays level with its log over many commands of all kinds', async () => {
  const log = await acmeLog();
  const plane = await planeOn(log);
  const waves = Array.from({ length: 12 }, (_, wave) => [
    addPeer(`kim-${wave}`),
    addPeer('kim-0', `late ${wave}`),
    { type: wave % 2 ? 'EnablePeer' : 'DisablePeer', peer: ids.bob } as Asked,
    rename(`rob-${wave}`),
  ]);
  for (const wave of waves) await attempts(plane, wave);
  const network = new Network();
  await replay(log, 0, ({ events, to }) => network.advance(events, to));
  await ask(plane, { type: 'DeletePeer', peer: 'kim-3' });
  expect(await attempts(plane, [addPeer('kim-3', 'again'), addPeer('kim-4', 'again')])).toEqual([
    'done',
    'PeerNameTaken',
  ]);
  expect(network.peerNamed('rob-11')).toMatchObject({ id: ids.bob, isDisabled: false });
});

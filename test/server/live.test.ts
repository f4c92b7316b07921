// The network as its followers see it: in step with the log, whoever writes, and the same after a restart.
import { readFileSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Peer } from '../../src/domain/peer.ts';
import { sha256Text } from '../../src/machine/sha256.ts';
import { ControlPlane } from '../../src/server/commands/control-plane.ts';
import { Live } from '../../src/server/live/live.ts';
import { loadNetwork, loadStored, storeState } from '../../src/server/live/load-network.ts';
import { LoggedNetwork } from '../../src/server/live/logged-network.ts';
import type { Step } from '../../src/server/live/step.ts';
import { WINDOW_RECORDS } from '../../src/server/live/window.ts';
import type { EventLog } from '../../src/store/log.ts';
import { stateFiles } from '../../src/store/stored-state.ts';
import { Failure } from '../../src/values/failure.ts';
import type { CidrId, Position } from '../../src/values/id.ts';
import { acme, ids } from '../acme.ts';
import type { Asked } from '../given.ts';
import { oldView } from '../invariants.ts';
import { append, commitOf, tempLog } from '../store/temp-log.ts';
import { addPeer, ask } from './asking.ts';
import { RunningNetwork } from './running-network.ts';
import { StreamDoor } from './stream-door.ts';

const rename = (name: string): Asked => ({ type: 'RenamePeer', peer: ids.bob, name });

/** Records of which only the server hears: eve has not joined. */
const silence = (records: number): Asked => ({
  type: 'AllOf',
  commands: Array.from({ length: records }, (_, index) => ({
    type: index % 2 === 0 ? 'GrantAdmin' : 'RevokeAdmin',
    peer: ids.eve,
  })),
});

/** A network whose whole window was lived through. */
const lived = async () => {
  const running = await RunningNetwork.start(acme.network);
  onTestFinished(() => running.close());
  return running;
};

describe('a follower', () => {
  it('hears of each commit whole, once and in order, also of those that other programs wrote', async () => {
    const running = await lived();
    const heard: Step[] = [];
    const start = running.live.head.position;
    running.live.subscribe((step) => heard.push(step));
    const other = await tempLog({ file: running.log.file });
    const rival = new ControlPlane(other, await LoggedNetwork.load(other));
    const asked = Array.from({ length: 10 }, (_, count) => addPeer(`kim-${count}`));
    const all = asked.map((command, count) => (count % 2 ? ask(rival, command) : running.ask(command)));
    const end = Math.max(...(await Promise.all(all)).map(({ position }) => position));
    await running.live.reached(end);
    expect(heard.map(({ commit }) => commit.to)).toEqual(asked.map((_, count) => start + count + 1));
    expect(running.live.head).toEqual(await other.head());
    expect(JSON.stringify(running.network)).toBe(JSON.stringify(await loadNetwork(other)));
  });

  it('that fails ends the following, and nobody waits in vain', async () => {
    const log = await tempLog();
    await append(log, commitOf(acme.network));
    const live = await Live.load(log);
    const end = live.head.position;
    const running = live.run();
    const trouble = new Error('the follower has a bug');
    live.subscribe(() => {
      throw trouble;
    });
    const waiting = live.reached(end + 1);
    await setImmediate();
    await append(log, commitOf([{ type: 'PeerRenamed', peerId: ids.bob, name: 'rob' }]));
    await expect(running).rejects.toBe(trouble);
    await expect(live.reached(end + 2)).rejects.toBe(trouble);
    await waiting.catch((error) => expect(error).toBe(trouble));
  });

  it('that throws keeps no other from hearing of the commit', async () => {
    const log = await tempLog();
    await append(log, commitOf(acme.network));
    const live = await Live.load(log);
    const running = live.run();
    const heard: string[] = [];
    live.subscribe(() => {
      throw new Error('the first has a bug');
    });
    live.subscribe(() => heard.push('the second'));
    live.subscribe(() => {
      throw new Error('the third has one too');
    });
    live.subscribe(() => heard.push('the fourth'));
    await setImmediate();
    await append(log, commitOf([{ type: 'PeerRenamed', peerId: ids.bob, name: 'rob' }]));
    await expect(running).rejects.toThrow('the first has a bug');
    expect(heard).toEqual(['the second', 'the fourth']);
  });

  it('of an empty log has nothing to follow', async () => {
    const log = await tempLog();
    await expect(Live.load(log)).rejects.toBeInstanceOf(Failure);
  });
});

type Answers = Record<string, unknown>;

/** Everything that a window says about some positions. */
const answersOf = ({ live }: RunningNetwork, from: Position): Answers => {
  const { window, head } = live;
  const answers: Answers = { head };
  for (let position = from; position <= head.position; position += 1 + (position % 61)) {
    answers[`hash ${position}`] = window.hashAt(position);
    answers[`digests ${position}`] = window.digests(position, Math.min(head.position, position + 3));
    for (let cidr = 1; cidr <= 7; cidr++)
      answers[`touched ${position} ${cidr}`] = window.touched(oldView(cidr as CidrId), position);
  }
  return answers;
};

describe('after a restart', () => {
  it('the window is the one that was lived through', async () => {
    const running = await lived();
    await storeState(running.log, running.network);
    for (let wave = 0; wave < 12; wave++) {
      await running.ask(silence(900));
      await running.ask(rename(`rob-${wave}`));
      await running.ask({
        type: wave % 2 ? 'DeleteAssociation' : 'AddAssociation',
        cidrs: ['bakers', 'machines'],
      });
      await running.ask({ type: 'AddCidr', name: `extra-${wave}`, cidr: `10.42.${50 + wave}.0/24` });
    }
    expect(running.live.head.position).toBeGreaterThan(WINDOW_RECORDS + 100);
    await storeState(running.log, running.network); // as recent as this it is of no use
    const from = running.live.window.start;
    const before = answersOf(running, from);
    await running.restart();
    expect(running.live.window.start).toBeLessThanOrEqual(from);
    expect(running.live.window.start).toBeGreaterThan(0);
    expect(answersOf(running, from)).toEqual(before);
  }, 30_000);

  it('a client that is level resumes without a snapshot, and hears what comes', async () => {
    const running = await lived();
    const door = await StreamDoor.open(running);
    onTestFinished(() => door.close());
    const before = running.live.head;
    await running.ask(rename('rob'));
    await running.restart();
    const [level, late] = [running.live.head, before];
    const bob = await door.connect(ids.bob, level);
    const old = await door.connect(ids.bob, late);
    await bob.next('welcome');
    await old.next('welcome');
    expect((await old.next('delta')).peers.changed).toMatchObject([{ name: 'rob' }]);
    await running.ask(rename('bert'));
    for (const client of [bob, old]) {
      expect(await client.next('delta')).toMatchObject({ from: level.position, ...running.live.head });
      expect(client.frames).toEqual([]);
    }
  });

  it('own commits reach the followers with their events in hand; those of other programs are read', async () => {
    const log = await tempLog();
    await append(log, commitOf(acme.network));
    const read: Position[] = [];
    const counted = {
      head: () => log.head(),
      networkId: () => log.networkId(),
      loadState: () => Promise.resolve(undefined),
      wake: (listener: () => void) => log.wake(listener),
      read: async (after: Position, limit: number) => {
        const records = await log.read(after, limit);
        read.push(...records.map(({ position }) => position));
        return records;
      },
    } as unknown as EventLog;
    const live = await Live.load(counted);
    onTestFinished(() => live.stop());
    const running = live.run();
    const plane = new ControlPlane(log, live);
    const seen: string[] = [];
    live.subscribe(({ commit }) => void seen.push(...commit.events.map(({ type }) => type)));
    read.length = 0;
    const { position } = await ask(plane, { type: 'RenamePeer', peer: ids.bob, name: 'rob' });
    expect([live.head.position, live.network.peer(ids.bob)?.name, seen]).toEqual([
      ...[position, 'rob', ['PeerRenamed']],
    ]);
    const foreign = await append(log, commitOf([{ type: 'PeerDisabled', peerId: ids.bob }]));
    await live.reached(foreign.head.position);
    expect(seen).toEqual(['PeerRenamed', 'PeerDisabled']);
    expect(read).toEqual([foreign.head.position]);
    live.stop();
    await running;
  });

  it('a stored state is of the fields that peers and the network have', async () => {
    const running = await lived();
    await storeState(running.log, running.network);
    const fields = [Object.keys(running.network.toJSON()), Object.keys(Peer.shape)];
    const versions = Array.from({ length: 99 }, (_, fold) =>
      sha256Text(JSON.stringify([fold, ...fields])).slice(0, 16),
    );
    const [file] = stateFiles(running.log.file);
    const { codeVersion } = JSON.parse(readFileSync(file, 'utf8').split('\n')[0] ?? '');
    expect(versions).toContain(codeVersion);
  });

  it('a stored state of other code is passed over', async () => {
    const running = await lived();
    const { position } = running.live.head;
    const body = JSON.stringify(running.network);
    await running.log.saveState({ ...running.live.head, codeVersion: '0', body });
    expect((await loadStored(running.log, position)).position).toBe(0);
    await storeState(running.log, running.network);
    expect((await loadStored(running.log, position)).position).toBe(position);
    expect((await loadStored(running.log, position - 1)).position).toBe(0);
    expect(JSON.stringify(await loadNetwork(running.log))).toBe(body);
  });
});

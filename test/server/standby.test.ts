// A standby over real sockets: it has every record byte for byte, nothing is told before it has it, and a slow one is left.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Peer } from '../../src/domain/peer.ts';
import { UnknownEventType } from '../../src/events/upcast.ts';
import { openLog } from '../../src/projections/open-log.ts';
import { ControlPlane } from '../../src/server/commands/control-plane.ts';
import type { Outcome } from '../../src/server/commands/outcome.ts';
import { LoggedNetwork } from '../../src/server/live/logged-network.ts';
import { MAX_WAIT_MS } from '../../src/server/standby/gate.ts';
import { readStanding } from '../../src/server/standby/standing-file.ts';
import { verifyChain } from '../../src/store/verify.ts';
import type { Hostname } from '../../src/values/name.ts';
import { ServedNetwork } from './served-network.ts';
import { headOf, rowsOf, StandbyMachine, until } from './standby-machine.ts';

const OPERATOR = { kind: 'operator', uid: 0, user: 'root' } as const;
let served: ServedNetwork;
let ann: Peer;
let machine: StandbyMachine;

/** As `serve` puts them together. */
const execute = (command: object, commandId?: string): Promise<Outcome> => {
  const { standbys, log, live } = served;
  const plane = standbys.holding(new ControlPlane(standbys.telling(log), live));
  return plane.execute(command as never, { actor: OPERATOR, ...(commandId ? { commandId } : {}) });
};

const addCidr = (number: number, commandId?: string) =>
  execute({ type: 'AddCidr', name: `c${number}` as Hostname, cidr: `127.42.${number}.0/24` }, commandId);

const level = () => until(() => machine.isLevel);
const standing = () => readStanding(`${served.folder}/acme.standing`);

beforeEach(async () => {
  served = await ServedNetwork.start();
  ann = await served.peer('ann');
  machine = new StandbyMachine(served, ann);
});

afterEach(async () => {
  await machine.close();
  await served.close();
});

describe('a named standby', () => {
  beforeEach(async () => {
    await served.run({ type: 'NameStandby', peer: 'ann' } as never);
    await machine.start();
    await level();
  });

  it('has every record and every kept answer byte for byte, those of before too', async () => {
    for (let number = 10; number < 40; number += 1) await addCidr(number);
    await execute({ type: 'RenameCidr', cidr: 'c10', name: 'c10' });
    await until(() => machine.log.head.position === served.live.head.position);
    await until(() => rowsOf(machine.file).length === rowsOf(served.log.file).length);
    expect(rowsOf(machine.file)).toEqual(rowsOf(served.log.file));
    const log = await openLog({ file: machine.file });
    expect(await verifyChain(log)).toEqual(served.live.head);
    await log.close();
  });

  it('has on its disk what is acknowledged, at the moment when it is', async () => {
    let held = 0;
    for (let number = 10; number < 30; number += 1) {
      const { position, isAlone } = await addCidr(number);
      if (isAlone) continue; // the machine is very busy
      held += 1;
      expect(headOf(machine.file)).toBeGreaterThanOrEqual(position);
    }
    expect(held).toBeGreaterThan(0);
  });

  it('answers a repeated command as the server did, once it serves in its place', async () => {
    const first = await addCidr(10, '01KBDJPXM00000000000000000');
    await machine.stop();
    const log = await openLog({ file: machine.file });
    const plane = new ControlPlane(log, await LoggedNetwork.load(log));
    const command = { type: 'AddCidr', name: 'c10', cidr: '127.42.10.0/24' } as never;
    const again = await plane.execute(command, { actor: OPERATOR, commandId: '01KBDJPXM00000000000000000' });
    expect(again).toEqual(first);
    await log.close();
    await machine.start();
  });

  it('goes on where it was after either side was away', async () => {
    await addCidr(10);
    await machine.stop();
    await addCidr(11);
    await machine.start();
    await level();
    await served.reboot();
    await addCidr(12);
    await until(() => machine.log.head.hash === served.live.head.hash);
  });

  it('is shown in the standing of the server, for verbs on its machine', async () => {
    await addCidr(10);
    const head = () => served.live.head.position; // its first proof is recorded too
    await until(() => standing()?.safe === head() && standing()?.standbys[0]?.position === head());
    const position = head();
    expect(standing()).toMatchObject({ isAnyLevel: true, safe: position });
    expect(standing()?.aloneSince).toBeNull();
    expect(standing()?.standbys).toMatchObject([
      { peerId: ann.id, isConnected: true, isLevel: true, position, version: '1.2.3' },
    ]);
    expect(served.warnings).toContain(
      'the standby ann is level: nothing is acknowledged before it is on its disk',
    );
  });

  it('learns what the server has observed of peers', async () => {
    const { rememberedCandidates } = await import('../../src/server/observations/observation-file.ts');
    served.observations.see(ann.id, '192.0.2.7:4000' as never);
    served.observations.report(ann.id, ['192.168.1.7:4000' as never]);
    await until(
      () =>
        rememberedCandidates(`${machine.folder}/acme.observations`).get(ann.id)?.[0] === '192.168.1.7:4000',
    );
  });

  it('is sent away when it is dismissed, or its right ends', async () => {
    await served.run({ type: 'DismissStandby', peer: 'ann' } as never);
    expect(await machine.ended).toMatchObject({
      message: 'the server of acme does not take this machine for a standby',
    });
    expect(served.standbys.report().standbys).toEqual([]);
    expect(served.standbys.aloneSince).toBeUndefined();
  });
});

describe('while a standby is waited for', () => {
  let bob: Peer;

  beforeEach(async () => {
    bob = await served.peer('bob');
    await served.peer('carl');
    await served.run({ type: 'NameStandby', peer: 'ann' } as never);
    await machine.start();
    await level();
    machine.hold();
  });

  it('nothing is acknowledged, then the server is alone, says so, and goes on', async () => {
    const start = performance.now();
    const outcome = await addCidr(10);
    expect(performance.now() - start).toBeGreaterThanOrEqual(MAX_WAIT_MS - 20);
    expect(outcome.isAlone).toBe(true);
    expect(served.standbys.aloneSince).toBeDefined();
    expect(served.warnings).toContain(
      'the standby ann is behind: the server goes on without it until it is level again',
    );
    const second = performance.now();
    expect((await addCidr(11)).isAlone).toBe(true);
    expect(performance.now() - second).toBeLessThan(5_000);
    machine.release();
    await level();
    expect(served.standbys.aloneSince).toBeUndefined();
    await until(() => machine.log.head.hash === served.live.head.hash);
    let number = 12;
    await until(async () => (await addCidr(number++)).isAlone === undefined);
  });

  it('no answer and no stream shows what it lacks, but who loses a right loses it at once', async () => {
    const { socket } = await served.stream(bob.ip);
    const carl = served.network.peerNamed('carl')!;
    const order: string[] = [];
    const { apply } = served.device;
    served.device.apply = (delta) => {
      if (delta.removed.includes(carl.publicKey)) order.push('device');
      apply(delta);
    };
    socket.on('message', (data) => {
      if (String(data).includes(`"removed":[${carl.id}]`)) order.push('stream');
    });
    await served.plane.execute({ type: 'DisablePeer', peer: 'carl' } as never, { actor: OPERATOR });
    await served.live.catchUp();
    const state = served.call('/v1/user/state', { from: bob.ip }).then(({ text }) => {
      order.push('answer');
      return text;
    });
    await until(() => order.includes('device'));
    machine.release();
    expect(await state).not.toContain('"carl"');
    await until(() => order.includes('stream'));
    expect(order[0]).toBe('device');
    socket.terminate();
  });
});

describe('a standby that may not or cannot follow', () => {
  it('is refused while it is not named', async () => {
    await machine.start();
    expect(await machine.ended).toMatchObject({
      message: 'the server of acme does not take this machine for a standby',
      hint: 'name it there: innernet-server name-standby acme PEER',
    });
  });

  it('is nobody without the key of the named peer', async () => {
    await served.run({ type: 'NameStandby', peer: 'ann' } as never);
    await machine.start('mallory');
    await until(() => machine.said.some((text) => text.includes('refuses with HTTP status 401')));
    expect(machine.log.head.position).toBe(0);
  });

  it('says that it needs an update where it does not know an event, and counts as gone', async () => {
    await served.run({ type: 'NameStandby', peer: 'ann' } as never);
    machine.takes = () => {
      throw new UnknownEventType('MoonLanded', 3);
    };
    await machine.start();
    expect(await machine.ended).toMatchObject({
      hint: expect.stringContaining('standbys are upgraded first'),
    });
    await until(() => served.standbys.report().standbys[0]?.isConnected === false);
    expect(served.standbys.report().standbys).toMatchObject([
      { isLevel: false, trouble: 'its program does not know the event MoonLanded at position 3' },
    ]);
    expect((await addCidr(10)).isAlone).toBe(true);
  });

  it('is refused with another history, and with a longer one', async () => {
    await served.run({ type: 'NameStandby', peer: 'ann' } as never);
    await machine.start();
    await level();
    await machine.stop();
    const log = await openLog({ file: machine.file });
    const plane = new ControlPlane(log, await LoggedNetwork.load(log));
    await plane.execute({ type: 'AddCidr', name: 'fork', cidr: '127.42.77.0/24' } as never, {
      actor: OPERATOR,
    });
    await log.close();
    await machine.start();
    const { position } = served.live.head;
    expect(await machine.ended).toMatchObject({
      message: `the server's log ends before position ${position + 1}, which is here`,
    });
    await machine.stop();
    await addCidr(10);
    await machine.start();
    expect(await machine.ended).toMatchObject({
      message: `the server has another record at position ${position + 1}`,
    });
  });
});

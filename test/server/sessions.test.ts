// The end of a right, as device, streams and sockets hear of it: in which order, and for how long anybody waits.
import { connect, type Socket } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Peer } from '../../src/domain/peer.ts';
import { keyOf } from '../acme.ts';
import { ServedNetwork } from './served-network.ts';

let served: ServedNetwork;

beforeEach(async () => {
  served = await ServedNetwork.start();
});
afterEach(async () => {
  vi.useRealTimers();
  await served.close();
});

/** Keys that the device was told to remove. */
const removed = () => served.deltas.flatMap((delta) => delta.removed);

/** Waits for what real sockets bring, also while timers are not real. */
const until = async (isSo: () => boolean): Promise<void> => {
  while (!isSo()) await turn();
};

/** The server's end of a connection over which a call was answered. */
const connection = async ({ ip }: Peer): Promise<Socket> => {
  const socket = connect({ host: '127.42.0.1', port: served.port, localAddress: ip });
  socket.on('error', () => {});
  socket.write(served.head('GET /v1/user/capabilities HTTP/1.1'));
  await new Promise((resolve) => socket.once('data', resolve));
  return served.sessions.connections.at(ip)[0]!;
};

/** A call whose body is still to come. */
const asking = async ({ ip }: Peer) => {
  const before = new Set(served.sessions.connections.at(ip));
  const socket = connect({ host: '127.42.0.1', port: served.port, localAddress: ip });
  socket.on('error', () => {});
  socket.write(served.head('POST /v1/user/redeem HTTP/1.1', 'Content-Length: 2'));
  const heard = new Promise<string>((resolve) => socket.once('data', (data) => resolve(String(data))));
  const { connections } = served.sessions;
  const asked = () => connections.at(ip).find((each) => !before.has(each) && connections.askedOver(each));
  await until(() => asked() !== undefined);
  const own = asked()!;
  return { heard, write: (text: string) => socket.write(text), isOpen: () => !own.destroyed };
};

const disable = (peer: Peer) => served.run({ type: 'DisablePeer', peer: peer.id });

describe('a peer that is disabled', () => {
  it('without a stream and a call leaves the device at once, and its sockets are closed', async () => {
    const bob = await served.peer('bob');
    const socket = await connection(bob);
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    await disable(bob);
    await until(() => removed().includes(bob.publicKey));
    expect(socket.destroyed).toBe(true);
  });

  it.each([false, true])(
    'is answered what it has asked, but not later; only invited: %s',
    async (invited) => {
      const bob = await served.peer('bob', { invited });
      const key = bob.publicKey;
      served.deltas.length = 0;
      const [calls, ends] = [await asking(bob), await asking(bob)];
      vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
      await disable(bob);
      calls.write('{}');
      expect(await calls.heard).toMatch(/^HTTP\/1\.1 401 /);
      vi.advanceTimersByTime(99);
      expect([removed(), ends.isOpen()]).toEqual([[], true]);
      vi.advanceTimersByTime(1);
      expect([removed(), ends.isOpen()]).toEqual([[key], false]);
    },
  );

  it('stays on the device until its stream has closed, but not longer than the time for a goodbye', async () => {
    const [bob, eve] = [await served.peer('bob'), await served.peer('eve')];
    const [hears, reads] = [await served.stream(bob.ip), await served.stream(eve.ip)];
    reads.socket.pause();
    served.deltas.length = 0;
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    await disable(bob);
    await disable(eve);
    expect(removed()).toEqual([]);
    expect(await hears.closed).toBe(4001);
    await until(() => removed().length > 0);
    vi.advanceTimersByTime(99);
    expect(removed()).toEqual([bob.publicKey]);
    vi.advanceTimersByTime(1);
    expect(removed()).toEqual([bob.publicKey, eve.publicKey]);
    reads.socket.resume();
    await reads.closed;
  });

  it('keeps its key where it is enabled again before it was told', async () => {
    const bob = await served.peer('bob');
    const { socket } = await served.stream(bob.ip);
    socket.pause();
    served.deltas.length = 0;
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    await disable(bob);
    await served.run({ type: 'EnablePeer', peer: bob.id });
    vi.advanceTimersByTime(100);
    expect(removed()).toEqual([]);
  });
});

describe('an invitation', () => {
  it('that is issued again ends the connections of the old one at once', async () => {
    const ivy = await served.peer('ivy', { invited: true });
    const socket = await connection(ivy);
    served.deltas.length = 0;
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    await served.run({
      type: 'ReissueInvitation',
      peer: ivy.id,
      publicKey: keyOf('second invitation'),
      inviteExpires: null,
    });
    expect([removed(), socket.destroyed]).toEqual([[ivy.publicKey], true]);
  });

  it('that was redeemed keeps the address until the new key shakes hands', async () => {
    const ivy = await served.peer('ivy', { invited: true });
    served.deltas.length = 0;
    await served.redeem(ivy, keyOf('ivy'));
    served.device.onHandshake(ivy.id, ivy.publicKey);
    expect(removed()).toEqual([]);
    served.device.onHandshake(ivy.id, keyOf('ivy'));
    expect(removed()).toEqual([ivy.publicKey]);
  });
});

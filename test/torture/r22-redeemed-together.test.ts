// R22: twenty peers redeem at the same moment, with delays and lost answers: each joins, with its own key, once.
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it, onTestFinished } from 'vitest';
import type { Peer } from '../../src/domain/peer.ts';
import { eventOf } from '../../src/events/upcast.ts';
import { keyOf } from '../acme.ts';
import { ServedNetwork } from '../server/served-network.ts';
import { diceOf, roundsOr, sayTried, seed } from './seed.ts';

const dice = diceOf(seed);

it('R22: all join, and each once', { timeout: 600_000 }, async () => {
  const tried = new Map<string, number>();
  const count = (what: string) => tried.set(what, (tried.get(what) ?? 0) + 1);
  for (let round = 0; round < roundsOr(2); round += 1) {
    const served = await ServedNetwork.start();
    onTestFinished(() => served.close());
    const peers: Peer[] = [];
    for (let n = 0; n < 20; n += 1) peers.push(await served.peer(`guest-${n}`, { invited: true }));

    /** Sends the request and hangs up before the answer, or waits for it. */
    const once = async (peer: Peer, lose: boolean): Promise<number | undefined> => {
      const body = JSON.stringify({ public_key: keyOf(peer.name) });
      if (!lose) {
        const answer = await served.call('/v1/user/redeem', {
          from: peer.ip,
          method: 'POST',
          body: { public_key: keyOf(peer.name) },
        });
        return answer.status;
      }
      const socket = connect({ host: '127.42.0.1', port: served.port, localAddress: peer.ip });
      socket.on('error', () => {});
      socket.write(served.head('POST /v1/user/redeem HTTP/1.1', `Content-Length: ${body.length}`) + body);
      await sleep(dice() * 5);
      socket.destroy();
      return undefined;
    };
    const join = async (peer: Peer): Promise<void> => {
      await sleep(dice() * 20);
      for (let attempt = 0; ; attempt += 1) {
        const lose = attempt < 2 && dice() < 0.6;
        count(lose ? 'answers lost' : 'answers heard');
        const status = await once(peer, lose);
        if (status === 204) return;
        expect([undefined, 429]).toContain(status);
      }
    };
    await Promise.all(peers.map(join));
    for (const { id, name } of peers)
      expect(served.network.peer(id)).toMatchObject({ isRedeemed: true, publicKey: keyOf(name) });
    const events = (await served.log.read(0, 10_000)).map(eventOf);
    const redeemed = events.flatMap((event) => (event.type === 'InvitationRedeemed' ? [event.peerId] : []));
    for (const { id } of peers) expect(redeemed.filter((it) => it === id).length).toBe(1);
    expect(served.troubles).toEqual([]);
  }
  sayTried('R22', tried);
});

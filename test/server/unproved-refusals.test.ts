// An admin that is refused for want of a proof is named to the operator, with both ways out, and nowhere in the log.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { COMMANDS_PATH, NETWORK_PATH } from '../../src/protocol/http.ts';
import { Metrics } from '../../src/server/metrics/metrics.ts';
import { readUnprovedRefusals, UnprovedRefusals } from '../../src/server/observations/unproved-refusals.ts';
import { ServedNetwork } from './served-network.ts';

let served: ServedNetwork;
let ann: string;
beforeAll(async () => {
  served = await ServedNetwork.start();
  ann = (await served.peer('ann', { admin: true })).ip;
  await served.peer('bob');
  await served.run({ type: 'RequireProof' });
});
afterAll(() => served.close());

const grant = (id: string) =>
  served.call(COMMANDS_PATH, {
    from: ann,
    method: 'POST',
    body: { id, command: { type: 'GrantAdmin', peer: 'bob' } },
  });
const file = () => join(served.folder, 'acme.unproved');
const NO_STANDBYS = { report: () => ({ aloneSince: null, standbys: [] }) };
const metricsOf = () => {
  const { live, hub, limits, unproved } = served;
  const sources = {
    network: 'acme',
    live,
    hub,
    limits,
    unproved,
    device: () => undefined,
    relay: {},
    losses: { times: 0 },
    standbys: NO_STANDBYS,
  };
  return new Metrics().text(sources).split('\n');
};

describe('an admin without proofs, where they are required', () => {
  it('is refused with the reason and both ways out', async () => {
    const { position } = served.live.head;
    const answer = await grant('01JD1');
    expect(answer.status).toBe(403);
    expect(answer.json()).toMatchObject({
      code: 'AdminsNeedProof',
      error: '"ann" may administer only with a proof by its key, and this request holds none',
      hint: expect.stringContaining('up to date'),
      verb: 'waive-proof --name ann',
    });
    expect(served.live.head.position).toBe(position);
  });

  it('is named in the journal once an hour, and in the metrics each time', async () => {
    await grant('01JD2');
    const said = served.warnings.filter((line) => line.startsWith(`ann (${ann})`));
    expect(said).toEqual([
      `ann (${ann}) asked for a change without a proof by its key: it is refused; bring innernet there up to date, ` +
        'or let it go on without proofs: innernet-server waive-proof acme --name ann',
    ]);
    expect(metricsOf()).toContain('innernet_unproved_refusals_total{peer="ann"} 2');
  });

  it('is named in a file, for programs beside the server and after a restart', async () => {
    served.unproved.close();
    expect(readUnprovedRefusals(file())).toMatchObject([{ count: 2 }]);
    const { live } = served;
    const again = new UnprovedRefusals({ network: 'acme', file: file(), live, say: () => {} });
    expect(again.rows()).toEqual(served.unproved.rows());
    expect(again.rows(Date.now() + 8 * 86_400_000)).toEqual([]);
    expect(readFileSync(file(), 'utf8')).not.toContain('ann');
  });

  it('is refused by all of the innernet 2.0 calls for admins, and by the rules behind the door too', async () => {
    const call = { from: ann, method: 'POST', body: { name: 'cooks', cidr: '127.42.9.0/24' } };
    expect((await served.call('/v1/admin/cidrs', call)).status).toBe(403);
    expect((await served.call('/v1/admin/cidrs', { from: ann })).status).toBe(403);
    expect((await served.call('/v1/user/state', { from: ann })).status).toBe(200);
    const { plane, unproved, network } = served;
    const peerId = network.peerNamed('ann')?.id ?? expect.fail('nobody');
    const asked = { actor: { kind: 'peer', peerId } } as const;
    await expect(unproved.watching(plane).execute({ type: 'WaiveProof' }, asked)).rejects.toMatchObject({
      rejection: { code: 'ProofNeeded', name: 'ann', command: 'WaiveProof' },
    });
    expect(unproved.rows()).toMatchObject([{ peerId, count: 5 }]);
  });

  it('is forgotten once proofs are waived for it, may then, and is told who was refused', async () => {
    const rows = served.unproved.rows();
    await served.run({ type: 'WaiveProof', peer: 'ann' });
    expect(served.unproved.rows()).toEqual([]);
    served.unproved.note(served.network.peerNamed('bob') ?? expect.fail('nobody'));
    expect((await served.call(NETWORK_PATH, { from: ann })).json()).toMatchObject({
      isProofRequired: true,
      unproved: [
        { ...rows[0], peerId: served.network.peerNamed('bob')?.id, count: 1, last: expect.any(String) },
      ],
    });
    await served.run({ type: 'DisablePeer', peer: 'bob' });
    await served.run({ type: 'EnablePeer', peer: 'bob' });
    expect((await grant('01JD3')).status).toBe(200);
    expect(metricsOf().some((line) => line.startsWith('innernet_unproved_refusals_total{'))).toBe(false);
  });
});

// An admin that is refused for want of a proof is named to the operator, with both ways out, and nowhere in the log.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { NetworkView } from '../../src/cli/plane.ts';
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
const view = async () => (await served.call(NETWORK_PATH, { from: ann })).json() as NetworkView;
const file = () => join(served.folder, 'acme.unproved');
const metricsOf = () => {
  const { live, hub, limits, unproved } = served;
  const sources = { network: 'acme', live, hub, limits, unproved, device: () => undefined };
  return new Metrics().text(sources).split('\n');
};

describe('an admin without proofs, where they are required', () => {
  it('is refused with the reason and both ways out, and is still shown what it may read', async () => {
    const { position } = served.live.head;
    const answer = await grant('01JD1');
    expect(answer.status).toBe(403);
    expect(answer.json()).toMatchObject({
      code: 'ProofNeeded',
      error: '"ann" may make a peer an admin only with a proof by its key, and this request holds none',
      hint: expect.stringContaining('up to date'),
      verb: 'waive-proof --name ann',
    });
    expect(served.live.head.position).toBe(position);
    expect((await view()).isProofRequired).toBe(true);
  });

  it('is named in the journal once an hour, in the metrics and to admins each time', async () => {
    await grant('01JD2');
    const said = served.warnings.filter((line) => line.startsWith(`ann (${ann})`));
    expect(said).toEqual([
      `ann (${ann}) asked for a change without a proof by its key: it is refused; bring innernet there up to date, ` +
        'or let it go on without proofs: innernet-server waive-proof acme --name ann',
    ]);
    expect(metricsOf()).toContain('innernet_unproved_refusals_total{peer="ann"} 2');
    expect((await view()).unproved).toMatchObject([
      { peerId: served.network.peerNamed('ann')?.id, count: 2 },
    ]);
  });

  it('is named in a file, for programs beside the server and after a restart', async () => {
    served.unproved.close();
    expect(readUnprovedRefusals(file())).toMatchObject([{ count: 2 }]);
    const { live } = served;
    const again = new UnprovedRefusals({ network: 'acme', file: file(), live, say: () => {} });
    expect(again.rows()).toEqual(served.unproved.rows());
    expect(readFileSync(file(), 'utf8')).not.toContain('ann');
  });

  it('by none of the innernet 2.0 calls that change something', async () => {
    const call = { from: ann, method: 'POST', body: { name: 'cooks', cidr: '127.42.9.0/24' } };
    expect((await served.call('/v1/admin/cidrs', call)).status).toBe(403);
    expect((await served.call('/v1/admin/cidrs', { from: ann })).status).toBe(200);
  });

  it('is forgotten once proofs are waived for it, and may then', async () => {
    await served.run({ type: 'WaiveProof', peer: 'ann' });
    expect(served.unproved.rows()).toEqual([]);
    expect((await grant('01JD3')).status).toBe(200);
    expect(metricsOf().some((line) => line.startsWith('innernet_unproved_refusals_total{'))).toBe(false);
  });
});

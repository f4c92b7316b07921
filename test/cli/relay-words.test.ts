// What `diff` and `state` say of a relay that came, moved or went.
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { diff } from '../../src/cli/diff.ts';
import type { Past } from '../../src/cli/plane.ts';
import { state } from '../../src/cli/state.ts';
import { differenceOf } from '../../src/domain/difference.ts';
import type { NetworkEvent } from '../../src/events/schema.ts';
import { NO_HASH } from '../../src/values/id.ts';
import { acme, endpoint, ids } from '../acme.ts';
import { type History, networkOf } from '../given.ts';

let said: string;
beforeEach(() => {
  said = '';
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    said += text;
    return true;
  });
});
afterEach(() => {
  vi.restoreAllMocks();
});

const set: NetworkEvent = { type: 'RelaySet', peerId: ids.server, port: 51821 };
const moved: NetworkEvent = { ...set, port: 4000, endpoint: endpoint('203.0.113.10:4001') };
const cleared: NetworkEvent = { type: 'RelayCleared', peerId: ids.server };

const place = { position: 9, hash: NO_HASH, time: null };
const pastWith = (answer: object): Past =>
  ({ network: 'acme', ask: async () => answer, close: async () => {} }) as unknown as Past;

const differing = async (before: History, after: History): Promise<string | undefined> => {
  said = '';
  const { peers, cidrs } = differenceOf(networkOf(...before), networkOf(...after));
  const none = { added: [], removed: [], changed: [] };
  const found = { from: place, to: place, peers, cidrs, associations: none, reach: { gained: [], lost: [] } };
  await diff(pastWith(found), ['9', undefined], {});
  return said.split('\n').find((line) => line.includes('innernet-server'));
};

it('a diff names where it is now, or that it is none', async () => {
  const { network } = acme;
  expect(await differing([network], [network, set])).toBe('  ~ innernet-server: a relay at UDP port 51821');
  expect(await differing([network, set], [network, moved])).toBe(
    '  ~ innernet-server: a relay at UDP port 4000, its relay is reached at 203.0.113.10:4001',
  );
  expect(await differing([network, moved], [network, moved, set])).toBe(
    '  ~ innernet-server: a relay at UDP port 51821, its relay is reached at its own host',
  );
  expect(await differing([network, moved], [network, moved, cleared])).toBe(
    '  ~ innernet-server: no relay any more',
  );
});

it('the state has it beside the peer', async () => {
  const network = networkOf(acme.network, moved);
  const [peers, cidrs] = [[...network.peers()], [...network.cidrs()]];
  await state(pastWith({ ...place, network: 'acme', peers, cidrs, associations: [] }), {});
  expect(said).toMatch(/innernet-server {2}\S+ {2}admin, relay at UDP port 4000 \(203\.0\.113\.10:4001\)\n/);
});

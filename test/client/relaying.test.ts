// This machine as a relay, in the words of `show` and `doctor`: which of two approvals is missing, and what else.
import { expect, it } from 'vitest';
import type { Relaying } from '../../src/client/relay/peer-relay.ts';
import { lookAtRelaying } from '../../src/client/relay/relaying.ts';

const relaying: Relaying = {
  ...{ named: 51821, consents: 51821, isOpen: true, trouble: null },
  ...{ mailboxes: 2, pairs: 1, packets: 9, byKernel: 7 },
};
const look = (more: Partial<Relaying>) => lookAtRelaying({ ...relaying, ...more }, 'acme', 'press');

it.each<[string, Partial<Relaying>, RegExp, RegExp]>([
  ['no consent', { consents: null }, /it has not consented/, /^innernet serve-relay acme --port 51821$/],
  ['no admin', { named: null }, /no admin has named it/, /innernet set-relay acme press --port 51821$/],
  [
    'two ports',
    { consents: 4000 },
    /51821, and it consents to UDP port 4000/,
    /serve-relay acme --port 51821; or/,
  ],
  [
    'a port that is taken',
    { isOpen: false, trouble: 'it is taken' },
    /no relay now: it is taken/,
    /ss -ulpn/,
  ],
  ['a port that nobody reaches', { mailboxes: 0 }, /no peer was heard there/, /let UDP port 51821 through/],
  ['no nftables', { byKernel: null }, /2 peers are heard there; this program passes data on/, /journalctl/],
])('is warned of %s', (_, more, found, hint) => {
  expect(look(more)).toMatchObject({ grade: 'warning', found: expect.stringMatching(found) });
  expect(look(more)?.hint).toMatch(hint);
});

it('is well where it relays, and nothing where nobody wants it to', () => {
  expect(look({})).toEqual({
    grade: 'ok',
    found: 'UDP port 51821 is open, and 2 peers are heard there; the kernel has passed on 7 packets',
  });
  expect(look({ named: null, consents: null })).toBeUndefined();
});

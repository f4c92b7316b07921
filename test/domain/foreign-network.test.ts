// Taking over what innernet 2.0's database holds: every row as it is, what breaks a rule listed, contradictions refused.
import { describe, expect, it } from 'vitest';
import { importNetwork } from '../../src/domain/foreign-network.ts';
import { type ForeignRows, readForeignRows } from '../../src/domain/foreign-rows.ts';
import {
  explainNote,
  explainTrouble,
  type ImportNote,
  type ImportTrouble,
} from '../../src/domain/import-note.ts';
import { Network } from '../../src/domain/network.ts';
import { unprovedRights } from '../../src/domain/proofs.ts';
import { NetworkEvent } from '../../src/events/schema.ts';
import { keyOf } from '../acme.ts';

type Row = Record<string, unknown>;

const cidr = (id: number, name: string, block: string, parent: number | null): Row => {
  const [ip, prefix] = block.split('/');
  return { id, name, ip, prefix: Number(prefix), parent };
};

const peer = (id: number, name: string, ip: string, over: Row = {}): Row => ({
  id,
  name,
  ip,
  public_key: keyOf(`${name} ${id}`),
  endpoint: null,
  cidr_id: 3,
  is_admin: 0,
  is_disabled: 0,
  is_redeemed: 1,
  invite_expires: 1_790_000_000,
  candidates: '[]',
  ...over,
});

const SERVER = { cidr_id: 2, is_admin: 1, invite_expires: null, endpoint: 'vpn.example.org:51820' };

const base = (): { cidrs: Row[]; peers: Row[]; associations: Row[] } => ({
  cidrs: [
    cidr(1, 'acme', '10.42.0.0/16', null),
    cidr(2, 'innernet-server', '10.42.0.1/32', 1),
    cidr(3, 'humans', '10.42.1.0/24', 1),
    cidr(4, 'machines', '10.42.2.0/24', 1),
  ],
  peers: [peer(1, 'innernet-server', '10.42.0.1', SERVER), peer(2, 'ann', '10.42.1.1')],
  associations: [{ id: 1, cidr_id_1: 3, cidr_id_2: 4 }],
});

/** The base with more rows; one with an id that is there already takes its place. */
const withRows = (more: Partial<{ cidrs: Row[]; peers: Row[]; associations: Row[] }>): ForeignRows => {
  const rows = base();
  for (const table of ['cidrs', 'peers', 'associations'] as const) {
    const added = more[table] ?? [];
    rows[table] = [...rows[table].filter(({ id }) => !added.some((row) => row.id === id)), ...added];
  }
  return rows;
};

type Outcome = { events: NetworkEvent[]; notes: ImportNote[]; network: Network };

const taken = (rows: ForeignRows): Outcome | ImportTrouble => {
  const reading = readForeignRows(rows);
  if (!reading.readable) return reading.trouble;
  const source = { program: 'innernet-server', version: 2 };
  const result = importNetwork({ name: 'acme', source, ...reading.network });
  if (!result.possible) return result.trouble;
  const network = new Network();
  network.advance(result.events, result.events.length);
  return { events: result.events, notes: [...reading.notes, ...result.notes], network };
};

const takenOver = (rows: ForeignRows): Outcome => {
  const outcome = taken(rows);
  if ('code' in outcome) throw new Error(explainTrouble(outcome));
  return outcome;
};

describe('a network that breaks no rule', () => {
  it('asks nobody for a proof by key: its admins may go on with the programs that they have', () => {
    const { network } = takenOver(withRows({ peers: [peer(2, 'ann', '10.42.1.1', { is_admin: 1 })] }));
    const ann = network.peer(2 as never) ?? expect.fail('ann is not there');
    expect([network.isProofRequired, unprovedRights(network, ann)]).toEqual([false, 'all']);
    network.advance([{ type: 'ProofRequired' }], network.position + 1);
    expect(unprovedRights(network, ann)).toBe('reads-and-reports');
  });

  it('becomes one commit with the same ids, names, addresses and keys', () => {
    const { events, notes, network } = takenOver(
      withRows({
        peers: [
          peer(5, 'eve', '10.42.1.2', { is_redeemed: 0, is_admin: 1, invite_expires: 1_800_000_000 }),
          peer(9, 'bob', '10.42.1.9', { is_disabled: 1, endpoint: '0.0.0.0:4000' }),
        ],
      }),
    );
    expect(notes).toEqual([]);
    expect(events.map(({ type }) => type)).toEqual([
      'NetworkImported',
      ...Array(4).fill('CidrAdded'),
      ...Array(4).fill('PeerAdded'),
      'AssociationAdded',
    ]);
    for (const event of events) expect(NetworkEvent.parse(event)).toEqual(event);
    expect(network.peer(5 as never)).toMatchObject({
      name: 'eve',
      publicKey: keyOf('eve 5'),
      isRedeemed: false,
      isAdmin: true,
      inviteExpires: '2027-01-15T08:00:00.000Z',
    });
    expect(network.peer(9 as never)).toMatchObject({ isDisabled: true, endpoint: '0.0.0.0:4000' });
    expect(network.nextIds).toEqual({ peer: 10, cidr: 5, association: 2, route: 1 });
  });

  it('is read from versions 0 and 1 too, which know neither ends nor candidates', () => {
    const rows = base();
    for (const row of rows.peers) {
      delete row.invite_expires;
      delete row.candidates;
    }
    expect(takenOver(rows).network.peer(2 as never)).toMatchObject({ inviteExpires: null, isRedeemed: true });
  });

  it('puts a CIDR after its parent, whatever their ids', () => {
    const { events } = takenOver(
      withRows({
        cidrs: [cidr(3, 'humans', '10.42.1.0/26', 7), cidr(7, 'people', '10.42.1.0/25', 1)],
      }),
    );
    const order = events.flatMap((event) => (event.type === 'CidrAdded' ? [event.cidrId] : []));
    expect(order.indexOf(7 as never)).toBeLessThan(order.indexOf(3 as never));
  });

  it('keeps candidates beside it, but not those of the server', () => {
    const candidates = '["192.168.1.9:51820","[2001:db8::9]:51820"]';
    const reading = readForeignRows(
      withRows({
        peers: [
          peer(1, 'innernet-server', '10.42.0.1', { ...SERVER, candidates }),
          peer(2, 'ann', '10.42.1.1', { candidates }),
        ],
      }),
    );
    expect(reading).toMatchObject({
      candidates: [{ id: 2, reported: ['192.168.1.9:51820', '[2001:db8::9]:51820'] }],
      notes: [],
    });
  });
});

/** The compiler asks for rows that lead to each note. */
const NOTED: { [C in ImportNote['code']]: { rows: ForeignRows; note: Partial<ImportNote>; words: string } } =
  {
    ServerRestored: {
      rows: withRows({ peers: [peer(1, 'innernet-server', '10.42.0.1', { ...SERVER, is_disabled: 1 })] }),
      note: { was: 'disabled' },
      words: "the server's own peer was disabled",
    },
    ServerUnreached: {
      rows: withRows({ peers: [peer(1, 'innernet-server', '10.42.0.1', { ...SERVER, endpoint: null })] }),
      note: {},
      words: 'set-endpoint',
    },
    CidrOutsideNetwork: {
      rows: withRows({ cidrs: [cidr(5, 'abroad', '10.99.0.0/24', null)] }),
      note: { name: 'abroad' },
      words: 'CIDR "abroad" (10.99.0.0/24) lies outside the network 10.42.0.0/16',
    },
    CidrOutsideParent: {
      rows: withRows({ cidrs: [cidr(5, 'astray', '10.42.9.0/24', 4)] }),
      note: { parent: 'machines' },
      words: 'outside its parent "machines"',
    },
    CidrElsewhere: {
      rows: withRows({ cidrs: [cidr(5, 'ovens', '10.42.2.0/26', 1)] }),
      note: { parent: 'acme', belongsIn: 'machines' },
      words: 'would belong under "machines"',
    },
    CidrsOverlap: {
      rows: withRows({ cidrs: [cidr(5, 'all-of-it', '10.42.2.0/23', 1)] }),
      note: { names: ['machines', 'all-of-it'] },
      words: 'overlap',
    },
    CidrHostBits: {
      rows: withRows({ cidrs: [cidr(4, 'machines', '10.42.2.7/24', 1)] }),
      note: { cidr: '10.42.2.7/24' as never },
      words: 'its block is 10.42.2.0/24',
    },
    CidrNameUnusual: {
      rows: withRows({ cidrs: [cidr(4, 'Büro 3\u001b[31m', '10.42.2.0/24', 1)] }),
      note: {},
      words: '"Büro 3\\u{1b}[31m"',
    },
    NameReplaced: {
      rows: withRows({ cidrs: [cidr(4, '', '10.42.2.0/24', 1)] }),
      note: { kind: 'CIDR', name: 'cidr-4' },
      words: 'CIDR 4 had no usable name',
    },
    PeerOutsideNetwork: {
      rows: withRows({ peers: [peer(3, 'bob', '10.99.0.1')] }),
      note: { name: 'bob' },
      words: 'other peers refuse its address',
    },
    PeerOutsideCidr: {
      rows: withRows({ peers: [peer(3, 'bob', '10.42.2.1')] }),
      note: { cidr: 'humans' },
      words: 'lies outside its CIDR "humans"',
    },
    PeerNotAssignable: {
      rows: withRows({ peers: [peer(3, 'bob', '10.42.1.255')] }),
      note: { ip: '10.42.1.255' as never },
      words: 'no peer of 10.42.1.0/24 could get here',
    },
    PeerAboveCidrs: {
      rows: withRows({ cidrs: [cidr(5, 'bakers', '10.42.1.128/25', 3)] }),
      note: { name: 'ann', cidr: 'humans' },
      words: 'it sees their peers, they do not see it',
    },
    PeerBesideServer: {
      rows: withRows({
        cidrs: [cidr(2, 'innernet-server', '10.42.0.0/24', 1)],
        peers: [peer(3, 'relay', '10.42.0.2', { cidr_id: 2 })],
      }),
      note: { name: 'relay' },
      words: 'everybody sees it',
    },
    PeerNameUnusual: {
      rows: withRows({ peers: [peer(3, 'Bob!', '10.42.1.3')] }),
      note: { name: 'Bob!' },
      words: 'gets no line in hosts files',
    },
    PeerNeverInvited: {
      rows: withRows({ peers: [peer(3, 'phone', '10.42.1.3', { invite_expires: null })] }),
      note: { name: 'phone' },
      words: 'joined without an invitation',
    },
    InvitationEndless: {
      rows: withRows({ peers: [peer(3, 'bob', '10.42.1.3', { is_redeemed: 0, invite_expires: null })] }),
      note: { name: 'bob' },
      words: 'never ends',
    },
    EndpointUnreadable: {
      rows: withRows({ peers: [peer(3, 'bob', '10.42.1.3', { endpoint: 'nowhere' })] }),
      note: { endpoint: 'nowhere' },
      words: 'was left out',
    },
    CandidatesUnreadable: {
      rows: withRows({ peers: [peer(3, 'bob', '10.42.1.3', { candidates: '["10.1.1.1:1", 7]' })] }),
      note: { name: 'bob' },
      words: 'some candidates of "bob"',
    },
    AssociationOfRoot: {
      rows: withRows({ associations: [{ id: 2, cidr_id_1: 1, cidr_id_2: 4 }] }),
      note: { names: ['acme', 'machines'] },
      words: 'one is the whole network',
    },
    AssociationOfItself: {
      rows: withRows({ associations: [{ id: 2, cidr_id_1: 4, cidr_id_2: 4 }] }),
      note: { name: 'machines' },
      words: 'associated with itself',
    },
    AssociationTwice: {
      rows: withRows({ associations: [{ id: 2, cidr_id_1: 4, cidr_id_2: 3 }] }),
      note: { names: ['humans', 'machines'] },
      words: 'takes two deletions',
    },
    AssociationLoose: {
      rows: withRows({ associations: [{ id: 2, cidr_id_1: 4, cidr_id_2: 17 }] }),
      note: { id: 2 },
      words: 'names one that does not exist and was left out',
    },
  };

describe('a row that a rule would have refused', () => {
  it.each(Object.entries(NOTED))('is taken as it is and listed: %s', (code, { rows, note, words }) => {
    const { notes } = takenOver(rows);
    expect(notes).toContainEqual(expect.objectContaining({ code, ...note }));
    const found = notes.find((each) => each.code === code);
    expect(found && explainNote(found)).toContain(words);
  });

  it('makes no other note than the one it deserves', () => {
    const expected = new Set(Object.keys(NOTED));
    for (const [code, { rows }] of Object.entries(NOTED)) {
      const codes = takenOver(rows).notes.map((note) => note.code);
      for (const each of codes) expect(expected).toContain(each);
      expect(codes.filter((each) => each === code).length, code).toBe(1);
    }
  });
});

/** The compiler asks for rows that lead to each trouble. */
const REFUSED: { [C in ImportTrouble['code']]: { rows: ForeignRows; words: string } } = {
  NoRoot: {
    rows: { ...base(), cidrs: base().cidrs.filter(({ id }) => id !== 1) },
    words: 'it has no CIDR 1',
  },
  NoServer: {
    rows: withRows({ peers: [peer(1, 'innernet-server', '10.42.0.1', { ...SERVER, cidr_id: 3 })] }),
    words: 'it has no peer 1 in CIDR 2',
  },
  SameTwice: {
    rows: withRows({ peers: [peer(3, 'bob', '10.42.1.1')] }),
    words: 'peer 2 and peer 3 have the same address, "10.42.1.1"',
  },
  NoSuchCidr: {
    rows: withRows({ peers: [peer(3, 'bob', '10.42.1.3', { cidr_id: 17 })] }),
    words: 'peer 3 ("bob") belongs to CIDR 17, which does not exist',
  },
  CidrLoop: {
    rows: withRows({ cidrs: [cidr(3, 'humans', '10.42.1.0/24', 4), cidr(4, 'machines', '10.42.2.0/24', 3)] }),
    words: 'CIDR 3 ("humans") is above itself',
  },
  UnreadableRow: {
    rows: withRows({ peers: [peer(3, 'bob', '10.42.1.3', { public_key: 'secret' })] }),
    words: 'row 3 of its table peers has no sound public_key',
  },
};

describe('rows that contradict each other, or themselves', () => {
  it.each(Object.entries(REFUSED))('are refused: %s', (code, { rows, words }) => {
    const trouble = taken(rows);
    expect(trouble).toMatchObject({ code });
    expect(explainTrouble(trouble as ImportTrouble)).toContain(words);
  });

  it.each([
    ['peers', peer(3, 'bob', 'not an address')],
    ['peers', peer(3, 'bob', '10.42.1.3', { invite_expires: -1 })],
    ['peers', peer(3, 'bob', '10.42.1.3', { is_admin: 'yes' })],
    ['peers', peer(2 ** 53, 'bob', '10.42.1.3')],
    ['peers', peer(3, 'bob', '10.42.1.3', { public_key: `${'A'.repeat(43)}=` })],
    ['cidrs', cidr(5, 'wide', '10.42.1.0/33', 1)],
    ['cidrs', cidr(0, 'zero', '10.42.1.0/24', 1)],
    ['associations', { id: 2, cidr_id_1: null, cidr_id_2: 4 }],
  ])('are refused in table %s: %j', (table, row) => {
    expect(taken(withRows({ [table]: [row] }))).toMatchObject({ code: 'UnreadableRow', table });
  });

  it('are refused where two CIDRs have one name or block, and two peers one key', () => {
    for (const more of [
      { cidrs: [cidr(5, 'humans', '10.42.5.0/24', 1)] },
      { cidrs: [cidr(5, 'others', '10.42.1.0/24', 1)] },
      { peers: [peer(3, 'bob', '10.42.1.3', { public_key: keyOf('ann 2') })] },
    ])
      expect(taken(withRows(more))).toMatchObject({ code: 'SameTwice' });
  });
});

describe('the end of an invitation', () => {
  it('is none where it lies beyond the calendar', () => {
    const { network } = takenOver(
      withRows({ peers: [peer(3, 'bob', '10.42.1.3', { is_redeemed: 0, invite_expires: 2 ** 45 })] }),
    );
    expect(network.peer(3 as never)?.inviteExpires).toBeNull();
  });
});

// Any sequence of commands: what a commit is said to change leads every CIDR's peers from what they saw to what they see.
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import {
  advanceWithChanges,
  type ClassDelta,
  classDeltas,
  movesOf,
  type Told,
} from '../../src/domain/changes.ts';
import { decide } from '../../src/domain/decide.ts';
import type { Limit } from '../../src/domain/limits.ts';
import { Network } from '../../src/domain/network.ts';
import type { Peer } from '../../src/domain/peer.ts';
import { unprovedRights } from '../../src/domain/proofs.ts';
import type { RejectionCode } from '../../src/domain/rejection.ts';
import { type Rights, rightsAfter } from '../../src/domain/rights.ts';
import type { ViewKey } from '../../src/domain/views.ts';
import { EVENT_TYPES, type EventType, type NetworkEvent } from '../../src/events/schema.ts';
import { cidrRow, type PeerRow, peerRow, type RouteRow, routeRow } from '../../src/protocol/rows.ts';
import { type PeerId, SERVER_PEER } from '../../src/values/id.ts';
import { routesAlone, withRoutes } from '../commands/route-events.ts';
import { type Start, starts } from '../commands/starts.ts';
import { PROVOKED } from '../commands/tricks.ts';
import { type Question, Questions, type Throw, throws } from '../commands.ts';
import { cidrRowsOf, expectIndexed, expectLawful, type Shown, type Views, viewsOf } from '../invariants.ts';

/** `PROPERTY_RUNS=5000` runs longer, `PROPERTY_SEED=42` again what failed, `PROPERTY_SHRINK=1` makes that small. */
const runs = Number(process.env.PROPERTY_RUNS ?? 80);
const seed = Number(process.env.PROPERTY_SEED ?? Date.now() % 2 ** 31);

/** What no command makes: imports and restored backups do. */
const NEVER_MADE: EventType[] = ['NetworkImported', 'LogRestored', 'PlainPeerRouted'];

const seen = {
  accepted: 0,
  refused: 0,
  commits: 0,
  deltas: 0,
  ends: new Map<string, number>(),
  events: new Map<string, number>(),
  refusals: new Map<RejectionCode, number>(),
  limited: new Map<'seen' | 'hidden' | 'moved', number>(),
  routes: new Map<'carried' | 'unrouted' | 'closed', number>(),
};

const count = <K>(tally: Map<K, number>, key: K): void => void tally.set(key, (tally.get(key) ?? 0) + 1);

/** Puts rows into those that were known, insisting that they say nothing needless and nothing that is hidden. */
const put = <Row>(
  known: Map<number, Row>,
  { changed, removed }: { changed: Map<number, Row>; removed: readonly number[] },
  shown: Map<number, Row>,
): Map<number, Row> => {
  const rows = new Map(known);
  for (const id of removed) {
    assert.ok(!shown.has(id));
    assert.ok(rows.delete(id));
  }
  for (const [id, row] of changed) {
    assert.deepEqual(shown.get(id), row);
    assert.notDeepEqual(rows.get(id), row);
    rows.set(id, row);
  }
  return rows;
};

/** Puts what a view is told onto what it showed, and expects what it shows. */
const expectTold = (known: Shown, { changed, removed, fresh, limits, routes }: Told, shown: Shown): void => {
  const rows = new Map(changed.map((peer) => [peer.id, peerRow(peer)]));
  assert.deepEqual(put<PeerRow>(known.rows, { changed: rows, removed }, shown.rows), shown.rows);
  assert.deepEqual(fresh, new Set(changed.flatMap(({ id }) => (known.rows.has(id) ? [] : [id]))));
  const limited = new Map(limits.changed.map((limit) => [limit.cidrId, limit]));
  const { removed: lifted } = limits;
  assert.deepEqual(
    put<Limit>(known.limits, { changed: limited, removed: lifted }, shown.limits),
    shown.limits,
  );
  const routed = new Map(routes.changed.map((route) => [route.id, routeRow(route)]));
  const { removed: closed } = routes;
  assert.deepEqual(
    put<RouteRow>(known.routes, { changed: routed, removed: closed }, shown.routes),
    shown.routes,
  );
  for (const { routers } of routed.values()) count(seen.routes, routers.length > 0 ? 'carried' : 'unrouted');
  if (closed.length > 0) count(seen.routes, 'closed');
};

const NOTHING: Told = {
  changed: [],
  removed: [],
  fresh: new Set(),
  limits: { changed: [], removed: [] },
  routes: { changed: [], removed: [] },
};

const toldTo = (deltas: ClassDelta[], viewer: ViewKey): Told => {
  const own = deltas.filter(({ viewers }) => viewers.includes(viewer));
  assert.ok(own.length <= 1);
  return own[0] ?? NOTHING;
};

/** In a limited network pairs see each other or not: counted, so that both are tried. */
const countLimits = ({ rows, limits }: Shown, network: Network): void => {
  for (const { cidrId } of limits.values())
    for (const { id } of network.peersIn(cidrId)) count(seen.limited, rows.has(id) ? 'seen' : 'hidden');
};

/** Peers with the keys by which they may connect, as text. */
const mayConnect = (network: Network): Set<string> =>
  new Set(
    [...network.peers()]
      .filter(({ id, isDisabled }) => !isDisabled && id !== SERVER_PEER)
      .map(({ id, publicKey }) => `${id} ${publicKey}`),
  );

const idsOf = (network: Network, wanted: (peer: Peer) => boolean): Set<PeerId> =>
  new Set([...network.peers()].filter(wanted).map(({ id }) => id));

const mustProve = (network: Network): Set<PeerId> =>
  idsOf(network, (peer) => unprovedRights(network, peer) === 'nothing');

/** What is said of rights is the difference between who may connect before and after, and who must prove itself. */
const expectRights = (before: Network, after: Network, rights: Rights): void => {
  const still = mayConnect(after);
  assert.deepEqual(
    new Set(Array.from(rights.ended.values(), ({ peer }) => `${peer.id} ${peer.publicKey}`)),
    new Set([...mayConnect(before)].filter((key) => !still.has(key))),
  );
  for (const [id, { reason }] of rights.ended) {
    count(seen.ends, reason);
    const peer = after.peer(id);
    assert.equal(reason === 'deleted', peer === undefined);
    assert.equal(reason === 'disabled', peer?.isDisabled === true);
    assert.equal(reason === 'joined', rights.joined.has(id));
  }
  const wasInvited = idsOf(before, ({ isRedeemed }) => !isRedeemed);
  assert.deepEqual(
    rights.joined,
    idsOf(after, ({ id, isRedeemed }) => isRedeemed && wasInvited.has(id)),
  );
  const [had, has] = [mustProve(before), mustProve(after)];
  for (const id of rights.mustProve) assert.ok(has.has(id));
  for (const id of has) assert.ok(had.has(id) || rights.mustProve.has(id));
};

/** Takes a commit into the network and every view forward by what the commit is said to change. */
const commit = (network: Network, views: Views, events: NetworkEvent[]): Views => {
  const rows = cidrRowsOf(network);
  const before = network.clone();
  const changes = advanceWithChanges(network, events, network.position + events.length);
  const deltas = classDeltas(network, changes);
  expectRights(before, network, rightsAfter(network, events, changes));
  const after = viewsOf(network);
  seen.deltas += deltas.length;
  const moves = movesOf(network, changes);
  for (const [viewer, shown] of after) {
    // A CIDR that is new has no peers yet, so nobody has a view to change: the first to join takes it whole.
    const known = views.get(viewer);
    if (!known) continue;
    const told = known.key === shown.key ? toldTo(deltas, shown.key) : moves.told(known.key, shown.key);
    assert.ok(told, `${viewer}: nothing is told of ${known.key} and ${shown.key}`);
    if (known.key !== shown.key) count(seen.limited, 'moved');
    expectTold(known, told, shown);
    countLimits(shown, network);
  }
  for (const [id, change] of changes.cidrs) {
    if (change.after) rows.set(id, cidrRow(change.after));
    else rows.delete(id);
  }
  assert.deepEqual(rows, cidrRowsOf(network));
  return after;
};

/** A new name is all that differs, in what the log holds of the network. */
const expectOnlyTheName = (before: string, after: string, { command }: Question): void => {
  if (command.type !== 'RenamePeer' && command.type !== 'RenameCidr') return;
  const [left, right] = [JSON.parse(before), JSON.parse(after)];
  const rows = command.type === 'RenamePeer' ? 'peers' : 'cidrs';
  const changed = right[rows].filter(
    (row: object, index: number) => JSON.stringify(row) !== JSON.stringify(left[rows][index]),
  );
  assert.equal(changed.length, 1);
  for (const row of left[rows]) if (row.id === changed[0].id) row.name = command.name;
  assert.equal(JSON.stringify(right), JSON.stringify({ ...left, position: right.position }));
};

/** One sequence from its start to its end. */
const play = (start: Start, dice: Throw[]): void => {
  const network = new Network();
  const questions = new Questions(start.family);
  const log: NetworkEvent[] = [...start.events];
  const stages: string[] = [];
  let views = commit(network, new Map(), log.slice());
  for (const thrown of dice) {
    const question = questions.next(network, thrown);
    const before = JSON.stringify(network);
    const decision = decide(network, question.command, question.context);
    assert.equal(JSON.stringify(network), before);
    assert.deepEqual(decide(network.clone(), question.command, question.context), decision);
    if (!decision.accepted) {
      seen.refused += 1;
      count(seen.refusals, decision.rejection.code);
      continue;
    }
    seen.accepted += 1;
    if (decision.events.length === 0) continue;
    seen.commits += 1;
    for (const event of decision.events) count(seen.events, event.type);
    const events = withRoutes(network, decision.events, thrown);
    log.push(...events);
    const draft = network.draft();
    draft.advance(events, network.position + events.length);
    expectIndexed(draft);
    const drafted = JSON.stringify(draft);
    assert.equal(JSON.stringify(network), before);
    views = commit(network, views, events);
    expectIndexed(network);
    if (start.name !== 'an import') expectLawful(network);
    const after = JSON.stringify(network);
    assert.equal(drafted, after);
    if (events.length === 1) expectOnlyTheName(before, after, question);
    stages.push(after);
    const routed = routesAlone(network, thrown);
    if (routed.length === 0) continue;
    log.push(...routed);
    views = commit(network, views, routed);
    stages.push(JSON.stringify(network));
  }
  expectReplayed(log, stages, network);
};

/** From the log alone come the same states, each in its turn; from JSON and by copying the last one. */
const expectReplayed = (log: NetworkEvent[], stages: string[], network: Network): void => {
  const again = new Network();
  const expected = new Map(
    stages.map((stage) => [(JSON.parse(stage) as { position: number }).position, stage]),
  );
  log.forEach((event, index) => {
    again.advance([event], index + 1);
    const stage = expected.get(index + 1);
    if (stage !== undefined) assert.equal(JSON.stringify(again), stage);
  });
  const end = JSON.stringify(network);
  assert.equal(JSON.stringify(Network.fromJSON(JSON.parse(end))), end);
  assert.equal(JSON.stringify(network.clone()), end);
  expectIndexed(network.clone());
};

const tryOut = (some: number): void =>
  fc.assert(fc.property(starts, fc.array(throws, { minLength: 30, maxLength: 60 }), play), {
    numRuns: runs,
    seed: some,
    endOnFailure: !process.env.PROPERTY_SHRINK,
  });

/** Events and refusals that no sequence met so far. */
const untried = (): string[] => [
  ...EVENT_TYPES.filter((type) => !NEVER_MADE.includes(type) && !seen.events.has(type)),
  ...PROVOKED.filter((code) => !seen.refusals.has(code)),
];

/** What is rare may take as many times longer. */
const MOST_TRIES = 6;

describe('any sequence of commands', () => {
  it('is told to each peer as what it sees', { timeout: 60_000 + runs * 500 }, () => tryOut(seed));

  it('was accepted at least every other time, and nothing was left untried', { timeout: 600_000 }, () => {
    for (let more = 1; untried().length > 0 && more < MOST_TRIES; more += 1) tryOut(seed + more);
    expect(untried()).toEqual([]);
    expect(seen.accepted).toBeGreaterThanOrEqual(seen.refused);
    for (const what of ['seen', 'hidden', 'moved'] as const)
      expect(seen.limited.get(what)).toBeGreaterThan(10);
    expect([...seen.ends.keys()].sort()).toEqual(['deleted', 'disabled', 'joined', 'rekeyed']);
  });

  afterAll(() => {
    const { accepted, refused, commits, deltas } = seen;
    const share = Math.round((100 * accepted) / Math.max(1, accepted + refused));
    const rarest = (tally: Map<string, number>) =>
      [...tally]
        .sort(([, a], [, b]) => a - b)
        .slice(0, 3)
        .map(([key, n]) => `${key} ${n}`)
        .join(', ');
    process.stderr.write(
      `commands: ${accepted + refused}, ${share} % accepted, ${commits} with a commit, ${deltas} deltas; ` +
        `${seen.events.size} event types (rarest: ${rarest(seen.events)}), ` +
        `${seen.refusals.size} rejections (rarest: ${rarest(seen.refusals)}); ` +
        `again with PROPERTY_SEED=${seed} PROPERTY_RUNS=${runs}\n`,
    );
  });
});

// Any history, asked by anybody: nothing that was hidden from a peer is told to it, and the short way tells what all events tell.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Network } from '../../src/domain/network.ts';
import type { Peer } from '../../src/domain/peer.ts';
import { mayBeShown } from '../../src/domain/reach.ts';
import { appears } from '../../src/domain/visibility.ts';
import { whyOf } from '../../src/domain/why.ts';
import { eventOf } from '../../src/events/upcast.ts';
import { Question } from '../../src/protocol/past.ts';
import { NearAnswerer } from '../../src/server/past/answerer.ts';
import { AdminsOnly, type Sight } from '../../src/server/past/own-past.ts';
import { Failure } from '../../src/values/failure.ts';
import { type PeerId, type Position, SERVER_PEER } from '../../src/values/id.ts';
import { starts } from '../commands/starts.ts';
import { throws } from '../commands.ts';
import { NOON } from '../store/temp-log.ts';
import { type RandomLog, randomLog } from './random-log.ts';

/** `PROPERTY_RUNS=500` runs longer, `PROPERTY_SEED=42` again what failed. */
const numRuns = Number(process.env.PROPERTY_RUNS ?? 20);
const seed = Number(process.env.PROPERTY_SEED ?? Date.now() % 2 ** 31);
const timeout = 120_000 + numRuns * 2_000;

const logs = fc.tuple(starts, fc.array(throws, { minLength: 30, maxLength: 70 }));
const picks = fc.infiniteStream(fc.nat(2 ** 20));

const maySee = (network: Network, viewer: Peer | undefined, peer: Peer): boolean =>
  peer.id === viewer?.id ||
  (appears(viewer) && (peer.id === SERVER_PEER || (appears(peer) && mayBeShown(network, viewer, peer))));

const tokensOf = ({ name, ip, publicKey }: Peer): string[] => [name, ip, publicKey];

/** Every name, address and key that there ever was, and those that a peer ever saw: its own, others', those of CIDRs. */
const tokens = ({ networks, events }: RandomLog, viewer: PeerId): { all: Set<string>; seen: Set<string> } => {
  const [all, seen] = [new Set<string>(), new Set<string>(['server', 'root', 'acme'])];
  for (const event of events) // two renames in one commit leave no network with the name between them
    if ((event.type === 'PeerAdded' || event.type === 'PeerRenamed') && event.peerId === viewer)
      seen.add(event.name);
  for (const network of networks.values()) {
    const self = network.peer(viewer);
    for (const peer of network.peers())
      for (const token of tokensOf(peer)) {
        all.add(token);
        if (maySee(network, self, peer)) seen.add(token);
      }
    for (const { name, cidr } of network.cidrs())
      for (const token of [name, cidr]) {
        all.add(token);
        if (self) seen.add(token); // an invited peer is in one of them, and hears of all when it joins
      }
  }
  return { all, seen };
};

const isIn = (text: string, token: string): boolean => {
  const plain = token.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&');
  return new RegExp(`(?<![\\p{L}\\d_.:/+-])${plain}(?![\\p{L}\\d_.:/+=-])`, 'u').test(text);
};

const TYPES = ['PeerAdded', 'PeerRenamed', 'CidrRenamed', 'AssociationAdded'];

/** A question about anything: names of today and of old, with every way to say which; half of them that it knows. */
const questionFrom = (
  next: () => number,
  { all, known }: { all: readonly string[]; known: readonly string[] },
  self: Peer,
  head: Position,
): Question => {
  const name = (): string => {
    const names = next() % 2 === 0 ? known : all;
    const plain = names[next() % names.length] ?? self.name;
    return [plain, plain, `peer:${plain}`, `${plain}@${next() % (head + 1)}`][next() % 4] ?? plain;
  };
  const own = (): string => [self.name, self.name, self.ip, name()][next() % 4] ?? self.name;
  const at = next() % 3 === 0 ? {} : { at: next() % 5 === 0 ? NOON : 1 + (next() % head) };
  const page = { after: next() % 2 === 0 ? 0 : next() % head, limit: 50, reverse: next() % 2 === 0 };
  const kinds = [
    { ask: 'head' },
    { ask: 'place', at: next() % (head + 2) },
    { ask: 'state', ...at },
    { ask: 'diff', from: next() % head },
    { ask: 'undo', reverts: 1 + (next() % head) },
    { ask: 'history', ...page, wordless: next() % 4 === 0 },
    { ask: 'history', ...page, about: own(), types: [TYPES[next() % TYPES.length]] },
    { ask: 'history', ...page, actor: name() },
  ];
  const why = next() % 2 === 0 ? [own(), name()] : [name(), own()];
  return Question.parse(next() % 3 === 0 ? kinds[next() % kinds.length] : { ask: 'why', peers: why, ...at });
};

describe('what a peer that is no admin is told', () => {
  it('has nothing in it that was hidden from it', { timeout }, async () => {
    const told = { answers: 0, pairs: 0, earlier: 0, refused: 0, secrets: 0 };
    const play = async (
      [start, dice]: [Parameters<typeof randomLog>[0], Parameters<typeof randomLog>[1]],
      chance: Iterator<number>,
    ) => {
      const random = await randomLog(start, dice);
      const network = [...random.networks.values()].at(-1);
      const head = network?.position ?? 0;
      const askers = network
        ? [...network.peers()].filter((peer) => appears(peer) && peer.id !== SERVER_PEER)
        : [];
      if (!network || askers.length === 0) return;
      const answerer = new NearAnswerer(random.log);
      const next = (): number => chance.next().value as number;
      for (let round = 0; round < 60; round += 1) {
        const self = askers[next() % askers.length] as Peer;
        const { all, seen } = tokens(random, self.id);
        const sight: Sight = async (among) =>
          new Map(
            among.flatMap((id) => {
              const peer = network.peer(id);
              return peer && maySee(network, self, peer) ? [[id, peer.name] as const] : [];
            }),
          );
        const known = [...network.peers()].filter((peer) => maySee(network, self, peer));
        const names = { all: [...all], known: known.map((peer) => peer.name) };
        const question = questionFrom(next, names, self, head);
        const { id, name, ip } = self;
        try {
          const { bytes } = await answerer.answer({ question, bearers: [], asker: { id, name, ip } }, sight);
          const text = Buffer.from(bytes).toString();
          const secrets = [...all].filter((token) => !seen.has(token));
          told.secrets += secrets.length;
          expect([question, secrets.filter((token) => isIn(text, token))]).toEqual([question, []]);
          expect(['head', 'place', 'history', 'why']).toContain(question.ask);
          told.answers += 1;
          if (question.ask === 'why') told.pairs += 1;
          if (question.ask === 'why' && question.at !== undefined) told.earlier += 1;
        } catch (error) {
          if (!(error instanceof Failure)) throw error;
          told.refused += 1;
          if (question.ask === 'why' && !(error instanceof AdminsOnly))
            expect(error.message).toMatch(
              /^this machine (sees|saw) no peer ".+"( then)?$|^a peer can always talk to itself$/,
            );
        }
      }
    };
    await fc.assert(fc.asyncProperty(logs, picks, play), { numRuns, seed, endOnFailure: true });
    process.stderr.write(
      `told: ${JSON.stringify(told)}; again with PROPERTY_SEED=${seed} PROPERTY_RUNS=${numRuns}\n`,
    );
    expect(told.pairs).toBeGreaterThan(numRuns);
    expect(told.earlier).toBeGreaterThan(numRuns / 4);
    expect(told.secrets).toBeGreaterThan(numRuns * 50);
  });
});

describe('why two peers can talk', () => {
  it('is the same by the few records about them as by all', { timeout }, async () => {
    const judged = { visible: 0, hidden: 0, turned: 0 };
    const play = async (
      [start, dice]: [Parameters<typeof randomLog>[0], Parameters<typeof randomLog>[1]],
      chance: Iterator<number>,
    ) => {
      const { log, events } = await randomLog(start, dice);
      const ids = events.flatMap((event) => (event.type === 'PeerAdded' ? event.peerId : []));
      const next = (): number => chance.next().value as number;
      for (let round = 0; round < 40 && ids.length > 1; round += 1) {
        const pair = [ids[next() % ids.length], ids[next() % ids.length]] as [PeerId, PeerId];
        const until = next() % (events.length + 1);
        if (pair[0] === pair[1]) continue;
        const all = events.slice(0, until).map((event, index) => ({ position: index + 1, event }));
        const few = log.queries.recordsOfPair(pair, until).map((record) => ({
          position: record.position,
          event: eventOf(record),
        }));
        expect(few.length).toBeLessThanOrEqual(all.length);
        const [short, whole] = [few, all].map((some) => whyOf(pair, some, NOON));
        expect(essence(short)).toEqual(essence(whole));
        judged[whole?.visible ? 'visible' : 'hidden'] += 1;
        if (whole?.turnedAt !== undefined) judged.turned += 1;
      }
    };
    await fc.assert(fc.asyncProperty(logs, picks, play), { numRuns, seed, endOnFailure: true });
    expect(Math.min(judged.visible, judged.hidden, judged.turned)).toBeGreaterThan(numRuns / 2);
  });
});

/** Where the pair's endpoints are and who may administer does not matter to whether it can talk. */
const essence = (why: ReturnType<typeof whyOf>) =>
  why && {
    ...why,
    peers: why.peers.map(({ endpoint: _, isAdmin: __, isVouchedFor: ___, ...peer }) => peer),
  };

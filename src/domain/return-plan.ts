/** Plans an undo: the commands from the state before, after, and now. */
import { type CidrId, SERVER_PEER } from '../values/id.ts';
import { type Cidr, prefixOf } from '../values/ip.ts';
import type { Opening } from '../values/opening.ts';
import type { Association } from './association-graph.ts';
import type { CidrNode } from './cidr-tree.ts';
import { AdminCommand, type CidrRef } from './command.ts';
import { decide } from './decide.ts';
import type { Context } from './decision.ts';
import { nameText } from './name-text.ts';
import type { Network } from './network.ts';
import { type EachField, isPlain, PEER_FIELDS, type Peer } from './peer.ts';
import { explain, type Rejection, shellWord } from './rejection.ts';
import { routesBack } from './routes-back.ts';

/** Before a change, after it, and now; to undo all since, `made` is `now`. */
export type Course = { want: Network; made: Network; now: Network };

export type Obstacle = { sentence: string; hint: string; verb?: string };

export type ReturnPlan = { commands: AdminCommand[]; obstacles: Obstacle[] };

/** Unparsed: an imported name may be invalid. */
type Wish = { [field: string]: unknown; type: AdminCommand['type'] };

/** By blocks: a CIDR added again has another id but counts as the same. */
const pairOf = (network: Network, { cidrIds }: Association): string =>
  cidrIds
    .map((id) => network.cidr(id)?.cidr ?? String(id))
    .sort()
    .join(' ');

/** As text, to be compared between networks; undefined: whole, or no association. */
const limitOf = (network: Network, association: Association | undefined): string | undefined => {
  const blocks = association?.allow?.map((opening) => ({
    ...opening,
    from: network.cidr(opening.from)?.cidr,
  }));
  return blocks && JSON.stringify(blocks);
};

const associationsOf = (network: Network): Map<string, Association> =>
  new Map(Array.from(network.associations(), (association) => [pairOf(network, association), association]));

const blocksOf = (network: Network): Map<Cidr, CidrNode> =>
  new Map(Array.from(network.cidrs(), (node) => [node.cidr, node]));

class Planner {
  readonly obstacles: Obstacle[] = [];
  readonly #course: Course;
  readonly #context: Context;
  readonly #draft: Network;
  readonly #commands: AdminCommand[] = [];
  #waiting: Wish[] = [];

  constructor(course: Course, context: Context) {
    this.#course = course;
    this.#context = context;
    this.#draft = course.now.draft();
  }

  plan(): ReturnPlan {
    this.#endAssociations();
    this.#undoLimits();
    this.#undoRoutes();
    this.#undoPeers();
    this.#undoCidrs();
    this.#undoSettings();
    this.#bringAssociationsBack();
    this.#settle();
    if (this.#commands.length + this.obstacles.length === 0) this.#namePeersProved();
    return { commands: this.#commands, obstacles: this.obstacles };
  }

  /** Orders the commands so that the rules accept them; the refused rest are obstacles. */
  #settle(): void {
    for (;;) {
      const refused: { wish: Wish; obstacle: Obstacle }[] = [];
      for (const wish of this.#waiting) {
        const obstacle = this.#give(wish);
        if (obstacle) refused.push({ wish, obstacle });
      }
      if (refused.length === this.#waiting.length) {
        this.obstacles.push(...refused.map(({ obstacle }) => obstacle));
        return;
      }
      this.#waiting = refused.map(({ wish }) => wish);
    }
  }

  #give(wish: Wish): Obstacle | undefined {
    const parsed = AdminCommand.safeParse(wish);
    if (!parsed.success) {
      const reason = parsed.error.issues[0]?.message ?? 'it is no command any more';
      return { sentence: `${wish.type} cannot be asked for: ${reason}`, hint: 'make the change by hand' };
    }
    const decision = decide(this.#draft, parsed.data, this.#context);
    if (!decision.accepted) return this.#refusal(wish, decision.rejection);
    for (const event of decision.events) this.#draft.evolve(event);
    if (decision.events.length > 0) this.#commands.push(parsed.data);
    return undefined;
  }

  #refusal(wish: Wish, rejection: Rejection): Obstacle {
    // A CIDR that is to come back has no id yet: its block names it.
    const { sentence, hint, verb } = explain(rejection);
    return { sentence: `${wish.type} is refused: ${sentence}`, hint, ...(verb ? { verb } : {}) };
  }

  #endAssociations(): void {
    const { want, made, now } = this.#course;
    const [wanted, present] = [associationsOf(want), associationsOf(now)];
    for (const pair of associationsOf(made).keys()) {
      const association = present.get(pair);
      if (association && !wanted.has(pair))
        this.#waiting.push({ type: 'DeleteAssociation', cidrs: association.cidrIds });
    }
  }

  #undoLimits(): void {
    const { want, made, now } = this.#course;
    const [wanted, left, present] = [associationsOf(want), associationsOf(made), associationsOf(now)];
    for (const [pair, association] of wanted) {
      const [before, after] = [limitOf(want, association), limitOf(made, left.get(pair))];
      const current = present.get(pair);
      if (!left.has(pair) || !current || before === after || limitOf(now, current) === before) continue;
      if (limitOf(now, current) !== after) this.#limitedSince(current);
      else this.#waiting.push(this.#limitWish(association, current));
    }
  }

  #limitWish({ allow }: Association, { cidrIds: cidrs }: Association): Wish {
    return allow === undefined
      ? { type: 'UnlimitAssociation', cidrs }
      : { type: 'LimitAssociation', cidrs, allow: this.#openingsNow(allow) };
  }

  #limitedSince({ cidrIds }: Association): void {
    const [left, right] = cidrIds.map((id) => this.#course.now.cidr(id)?.name ?? String(id));
    this.obstacles.push({
      sentence: `the limit of ${nameText(left ?? '')} and ${nameText(right ?? '')} has been changed again since`,
      hint: 'see by what, and undo that first',
      verb: `history --about ${shellWord(`${left} and ${right}`)}`,
    });
  }

  /** By name where the CIDR has to come back first. */
  #cidrNow(id: CidrId): CidrRef {
    const node = this.#course.want.cidr(id);
    const present = node && blocksOf(this.#course.now).get(node.cidr);
    return present?.id ?? node?.name ?? id;
  }

  #openingsNow(allow: readonly Opening[]): Wish[string] {
    return allow.map((opening) => ({ ...opening, from: this.#cidrNow(opening.from) }));
  }

  #bringAssociationsBack(): void {
    const { want, made, now } = this.#course;
    const [left, present] = [associationsOf(made), associationsOf(now)];
    for (const [pair, { cidrIds, allow }] of associationsOf(want)) {
      if (left.has(pair) || present.has(pair)) continue;
      const cidrs = cidrIds.map((id) => this.#cidrNow(id));
      const limit = allow === undefined ? {} : { allow: this.#openingsNow(allow) };
      this.#waiting.push({ type: 'AddAssociation', cidrs, ...limit });
    }
  }

  #undoRoutes(): void {
    const words = {
      cidr: (id: CidrId) => this.#cidrNow(id),
      since: (what: string, name: string) => this.#changedSince(what, name),
    };
    this.#waiting.push(...routesBack(this.#course, words));
  }

  #undoCidrs(): void {
    const { want, made, now } = this.#course;
    const [wanted, left, present] = [blocksOf(want), blocksOf(made), blocksOf(now)];
    for (const [block, node] of [...left].sort(([a], [b]) => prefixOf(b) - prefixOf(a))) {
      const [before, current] = [wanted.get(block), present.get(block)];
      if (!current) continue;
      if (!before) this.#waiting.push({ type: 'DeleteCidr', cidr: current.id });
      else this.#undoCidr(before, node, current);
    }
    for (const [block, { name, isIsolated }] of [...wanted].sort(([a], [b]) => prefixOf(a) - prefixOf(b)))
      if (!left.has(block) && !present.has(block)) this.#addCidr(block, name, isIsolated);
  }

  #addCidr(cidr: Cidr, name: string, isIsolated: true | undefined): void {
    this.#waiting.push({ type: 'AddCidr', name, cidr });
    if (isIsolated) this.#waiting.push({ type: 'IsolateCidr', cidr: name });
  }

  #undoCidr(before: CidrNode, made: CidrNode, current: CidrNode): void {
    if (before.name !== made.name) this.#renameCidr(before, made, current);
    const { isIsolated } = before;
    if (isIsolated !== made.isIsolated && isIsolated !== current.isIsolated)
      this.#waiting.push({ type: isIsolated ? 'IsolateCidr' : 'UnisolateCidr', cidr: current.id });
  }

  #renameCidr(before: CidrNode, made: CidrNode, current: CidrNode): void {
    if (current.name === before.name) return;
    if (current.name !== made.name) this.#changedSince('name', current.name);
    else this.#waiting.push({ type: 'RenameCidr', cidr: current.id, name: before.name });
  }

  #undoSettings(): void {
    const { want, made, now } = this.#course;
    const { isProofRequired, defaultExpiry: seconds } = want;
    if (isProofRequired !== made.isProofRequired && isProofRequired !== now.isProofRequired)
      this.#waiting.push({ type: isProofRequired ? 'RequireProof' : 'WaiveProof' });
    if (seconds !== made.defaultExpiry && seconds !== now.defaultExpiry)
      this.#waiting.push({ type: 'SetDefaultExpiry', seconds });
  }

  /** Not worth refusing an undo of more: the key can still prove itself. */
  #namePeersProved(): void {
    const { want, made, now } = this.#course;
    for (const { id, name, hasProved } of made.peers())
      if (hasProved && want.peer(id)?.hasProved !== hasProved && now.peer(id))
        this.obstacles.push({
          sentence: `the key of ${nameText(name)} has proved itself, and that cannot be undone`,
          hint: 'let it go on without proofs',
          verb: `waive-proof --name ${shellWord(name)}`,
        });
  }

  #undoPeers(): void {
    const { want, made, now } = this.#course;
    for (const peer of made.peers()) {
      const before = want.peer(peer.id);
      const current = now.peer(peer.id);
      if (before) this.#undoPeer(before, peer, current);
      else if (current) this.#removePeer(current);
    }
    for (const peer of want.peers()) if (!made.peer(peer.id)) this.#cannotReturn(peer);
  }

  #removePeer(peer: Peer): void {
    if (isPlain(peer)) this.obstacles.push(added(peer));
    else if (peer.isRedeemed) this.obstacles.push(joined(peer));
    else this.#waiting.push({ type: 'RevokeInvitation', peer: peer.id });
  }

  #cannotReturn(peer: Peer): void {
    const name = nameText(peer.name);
    const isRetired = this.#course.now.isRetiredIp(peer.ip);
    this.obstacles.push({
      sentence: isRetired
        ? `${name} was deleted: its address ${peer.ip} and its key are retired for good`
        : `the invitation of ${name} is over, and its key is never taken again`,
      hint: 'invite the machine again',
      verb: `add-peer --name ${shellWord(peer.name)}`,
    });
  }

  #undoPeer(before: Peer, made: Peer, current: Peer | undefined): void {
    if (before === made) return;
    if (before.publicKey !== made.publicKey) this.#keyChanged(before, made);
    for (const field of PEER_FIELDS) {
      const way = WAYS_BACK[field];
      if (!way || before[field] === made[field] || current?.[field] === before[field]) continue;
      if (current?.[field] !== made[field]) this.#changedSince(way.what, (current ?? made).name);
      else this.#waiting.push(way.wish(before));
    }
  }

  #keyChanged(before: Peer, made: Peer): void {
    if (isPlain(made)) this.obstacles.push(rekeyed(made));
    else if (made.isRedeemed) this.obstacles.push(joined(made));
    else
      this.obstacles.push({
        sentence: `the invitation of ${nameText(before.name)} was replaced, and the key of the old one is never taken again`,
        hint: 'make another one',
        verb: `reissue-invitation --name ${shellWord(before.name)}`,
      });
  }

  #changedSince(what: string, name: string): void {
    this.obstacles.push({
      sentence: `the ${what} of ${nameText(name)} has been changed again since`,
      hint: 'see by what, and undo that first',
      verb: `history --about ${shellWord(name)}`,
    });
  }
}

type WayBack = { what: string; wish: (before: Peer) => Wish };

/** Null: no command restores it, or another place does. */
const WAYS_BACK: EachField<Peer, WayBack | null> = {
  id: null,
  name: { what: 'name', wish: ({ id: peer, name }) => ({ type: 'RenamePeer', peer, name }) },
  ip: null,
  cidrId: null,
  publicKey: null,
  isAdmin: {
    what: 'admin right',
    wish: ({ id: peer, isAdmin }) =>
      isAdmin ? { type: 'GrantAdmin', peer } : { type: 'RevokeAdmin', peer, confirmed: true },
  },
  isDisabled: {
    what: 'state (disabled or enabled)',
    wish: ({ id: peer, isDisabled }) =>
      isDisabled ? { type: 'DisablePeer', peer, confirmed: true } : { type: 'EnablePeer', peer },
  },
  endpoint: { what: 'endpoint', wish: (before) => endpointWish(before) },
  expires: {
    what: 'end',
    wish: ({ id: peer, expires = null }) => ({ type: 'SetExpiry', peer, expires }),
  },
  isRedeemed: null,
  inviteExpires: null,
  isVouchedFor: null,
  isProofWaived: {
    what: 'need of proofs',
    wish: ({ id: peer, isProofWaived }) => ({ type: isProofWaived ? 'WaiveProof' : 'RequireProof', peer }),
  },
  hasProved: null,
  signingKey: null,
  limits: null,
  relayPort: { what: 'relay', wish: (before) => relayWish(before) },
  relayEndpoint: { what: 'relay', wish: (before) => relayWish(before) },
  isStandby: {
    what: 'place as a standby',
    wish: ({ id: peer, isStandby }) => ({ type: isStandby ? 'NameStandby' : 'DismissStandby', peer }),
  },
  via: { what: 'router', wish: ({ id: peer, via }) => ({ type: 'RoutePlainPeer', peer, via }) },
};

const relayWish = ({ id: peer, relayPort: port, relayEndpoint: endpoint }: Peer): Wish =>
  port === undefined
    ? { type: 'ClearRelay', peer }
    : { type: 'SetRelay', peer, port, ...(endpoint === undefined ? {} : { endpoint }) };

const endpointWish = ({ id, endpoint }: Peer): Wish => {
  if (id === SERVER_PEER) return { type: 'ChangeServerEndpoint', endpoint };
  return endpoint === null
    ? { type: 'ClearEndpointOverride', peer: id }
    : { type: 'SetEndpointOverride', peer: id, endpoint };
};

const joined = ({ name }: Peer): Obstacle => ({
  sentence: `${nameText(name)} has joined with a key of its own, and that cannot be undone`,
  hint: 'if it should not be there, cut it off',
  verb: `disable-peer --name ${shellWord(name)}`,
});

const added = ({ name }: Peer): Obstacle => ({
  sentence: `the phone ${nameText(name)} has its key for good, and that cannot be undone`,
  hint: 'if it should not be there, delete it',
  verb: `delete-peer --name ${shellWord(name)}`,
});

const rekeyed = ({ name }: Peer): Obstacle => ({
  sentence: `the phone ${nameText(name)} has another key, and the earlier one is never taken again`,
  hint: 'give it a new one',
  verb: `rekey-phone --name ${shellWord(name)}`,
});

/** Undoes what the change made and still stands; the rest are obstacles. */
export const planReturn = (course: Course, context: Context): ReturnPlan =>
  new Planner(course, context).plan();

/** Tells each relay on a peer's machine whom it serves, and takes that machine's word on itself and its mailboxes. */
import type { Consents, Open, ServedPeer, Sight } from '../../protocol/frames.ts';
import type { PeerId } from '../../values/id.ts';
import type { Live } from '../live/live.ts';
import type { Step } from '../live/step.ts';
import type { Observations } from '../observations/observations.ts';
import { type Client, LoggedClientele } from '../relay/clientele.ts';
import type { Audience } from './audience.ts';
import { type DutyNews, dutyFrames } from './duty-frames.ts';
import type { Member } from './member.ts';
import type { Mailboxes } from './relay-news.ts';

/** What one stream of a relay was told, and what it said. */
type Duty = {
  readonly clientele: LoggedClientele;
  /** By its own word in this stream. */
  consents: number | null;
  /** Undefined: nothing was told. */
  told: { port: number | null; peers: Map<PeerId, string>; sights: ReadonlySet<string> } | undefined;
  readonly open: Set<PeerId>;
};

export class RelayDuties {
  readonly #live: Live;
  readonly #observations: Observations;
  readonly #audience: Audience;
  readonly #mailboxes: Mailboxes;
  /** Those that have said whether they consent: before that a relay would take silence for having nobody to serve. */
  readonly #spoken = new WeakSet<Member>();
  readonly #duties = new Map<Member, Duty>();
  readonly #unsubscribe: () => void;

  constructor(
    live: Live,
    observations: Observations,
    { audience, mailboxes }: { audience: Audience; mailboxes: Mailboxes },
  ) {
    this.#live = live;
    this.#observations = observations;
    this.#audience = audience;
    this.#mailboxes = mailboxes;
    this.#unsubscribe = observations.onChange(({ id }) => this.#onPlace(id));
  }

  close(): void {
    this.#unsubscribe();
  }

  /** At once: who is cut off must not go on at a relay. */
  follow({ changes, deltas }: Step): void {
    if (changes.peers.size + changes.sight.length + deltas.length === 0) return;
    for (const { peer } of this.#live.network.relays())
      for (const member of this.#audience.ofPeer(peer.id)) this.#dutyOf(member);
    for (const [member, duty] of this.#duties) {
      duty.clientele.forgetSights();
      this.#level(member, duty);
    }
  }

  /** The machine's word on itself. */
  consents(member: Member, { port, trouble }: Consents): void {
    this.#spoken.add(member);
    const isNothing = port === null && !this.#observations.consentOf(member.peerId);
    const duty = isNothing && this.#named(member) === null ? this.#duties.get(member) : this.#dutyOf(member);
    if (!duty) return;
    duty.consents = port;
    const consent = port === null ? undefined : { port, ...(trouble === undefined ? {} : { trouble }) };
    this.#observations.setConsent(member.peerId, consent);
    this.#level(member, duty, true);
  }

  /** Of whom it serves alone. */
  open(member: Member, { ids, closed }: Open): void {
    const duty = this.#duties.get(member);
    if (!duty) return;
    for (const id of ids) {
      if (!duty.told?.peers.has(id)) continue;
      duty.open.add(id);
      this.#observations.meetAt(id, member.peerId, true);
    }
    this.#close(member, duty, closed);
  }

  /** Whether a program of that machine relays now, as far as the server knows. */
  serves(id: PeerId): boolean {
    return [...this.#audience.ofPeer(id)].some((member) => {
      const duty = this.#duties.get(member);
      return duty !== undefined && this.#portOf(member, duty) !== null;
    });
  }

  /** Tunnels go on without the server, but nobody new is sent to that relay. */
  leave(member: Member): void {
    const duty = this.#duties.get(member);
    if (!duty) return;
    this.#duties.delete(member);
    this.#close(member, duty, [...duty.open]);
  }

  #dutyOf(member: Member): Duty | undefined {
    if (!member.canServe || !this.#spoken.has(member)) return undefined;
    const known = this.#duties.get(member);
    if (known) return known;
    const options = {
      live: this.#live,
      observations: this.#observations,
      mailboxOf: this.#mailboxes.mailboxOf,
    };
    const clientele = new LoggedClientele(member.peerId, options);
    const duty: Duty = { clientele, consents: null, told: undefined, open: new Set() };
    this.#duties.set(member, duty);
    return duty;
  }

  /** By the log. */
  #named({ peerId }: Member): number | null {
    return this.#live.network.relays().find(({ peer }) => peer.id === peerId)?.port ?? null;
  }

  /** At which both the log and the machine want it. */
  #portOf(member: Member, { consents }: Duty): number | null {
    const port = this.#named(member);
    return port === consents ? port : null;
  }

  #close({ peerId }: Member, duty: Duty, ids: Iterable<PeerId>): void {
    for (const id of ids) {
      const isElsewhere = [...this.#audience.ofPeer(peerId)].some((other) => {
        const its = this.#duties.get(other);
        return its !== duty && its?.open.has(id);
      });
      if (duty.open.delete(id) && !isElsewhere) this.#observations.meetAt(id, peerId, false);
    }
  }

  /** A peer is heard elsewhere now. */
  #onPlace(id: PeerId): void {
    for (const [member, { told, clientele }] of this.#duties) {
      const client = told?.peers.has(id) ? clientele.client(id) : undefined;
      if (!told || !client) continue;
      const row = rowOf(client);
      const text = JSON.stringify(row);
      if (told.peers.get(id) === text) continue;
      told.peers.set(id, text);
      const news = { changed: [row], removed: [], seen: [], unseen: [] };
      this.#tell(member, { port: told.port, isFirst: false, ...news });
    }
  }

  /** `isAnswer`: also without news. */
  #level(member: Member, duty: Duty, isAnswer = false): void {
    const port = this.#named(member);
    const clients = this.#portOf(member, duty) === null ? [] : [...duty.clientele.peers()];
    const rows = new Map(clients.map((client) => [client.id, rowOf(client)]));
    const peers = new Map(Array.from(rows, ([id, row]) => [id, JSON.stringify(row)]));
    const sights = sightsOf(clients, duty.clientele);
    const { told } = duty;
    duty.told = { port, peers, sights };
    this.#close(
      member,
      duty,
      [...duty.open].filter((id) => !peers.has(id)),
    );
    const changed = [...rows.values()].filter(({ id }) => told?.peers.get(id) !== peers.get(id));
    const removed = [...(told?.peers.keys() ?? [])].filter((id) => !peers.has(id));
    const seen = [...sights].filter((sight) => !told?.sights.has(sight)).map(sightIn);
    const unseen = [...(told?.sights ?? [])].filter((sight) => !sights.has(sight)).map(sightIn);
    const news = changed.length + removed.length + seen.length + unseen.length;
    if (told?.port === port && news === 0 && !isAnswer) return;
    this.#tell(member, { port, changed, removed, seen, unseen, isFirst: told === undefined });
  }

  #tell(member: Member, news: DutyNews): void {
    for (const frame of dutyFrames(news)) this.#audience.write(member, Buffer.from(JSON.stringify(frame)));
  }
}

const rowOf = ({ id, publicKey, mailbox, group, host, openAt }: Client): ServedPeer => ({
  ...{ id, key: publicKey, mailbox, group },
  ...{ host: host ?? null, openAt: openAt ?? null },
});

/** Between groups of peers that are served. */
const sightsOf = (clients: readonly Client[], clientele: LoggedClientele): Set<string> => {
  const groups = [...new Set(clients.map(({ group }) => group))].sort((left, right) => left - right);
  const sights = new Set<string>();
  for (const [at, one] of groups.entries())
    for (const other of groups.slice(at))
      if (clientele.isSeen(one, other) && clientele.isSeen(other, one)) sights.add(`${one} ${other}`);
  return sights;
};

const sightIn = (text: string): Sight => text.split(' ').map(Number) as [number, number];

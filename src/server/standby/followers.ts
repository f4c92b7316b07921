/** The standbys on their streams: each is sent the log as it grows, and says what is on its disk. */
import type { RawData } from 'ws';
import type { Peer } from '../../domain/peer.ts';
import type { EventRecord } from '../../events/record.ts';
import {
  LOG_CLOSE,
  LOG_HEARTBEAT_SECONDS,
  type LogCommit,
  logCommit,
  StandbyFrame,
} from '../../protocol/log-frames.ts';
import type { StandbyStanding } from '../../protocol/rows.ts';
import type { RecordedCommit } from '../../store/commit.ts';
import { readCommits } from '../../store/follow.ts';
import type { Commit, EventLog } from '../../store/log.ts';
import { type Hash, NO_HASH, type PeerId, type Position } from '../../values/id.ts';
import type { Timestamp } from '../../values/time.ts';
import type { Live } from '../live/live.ts';
import type { Step } from '../live/step.ts';
import type { Observations } from '../observations/observations.ts';
import { type Opening, open } from '../stream/opening.ts';
import { Follower, type LogSocket } from './follower.ts';
import type { Gate } from './gate.ts';

/** Observations are gathered so long. */
const GATHER_MS = 200;

type Appended = Commit & { records: readonly EventRecord[] };

export type LogQuery = { position: Position; hash: Hash; version?: string | undefined };

export type FollowersOptions = {
  log: Pick<EventLog, 'read' | 'commitOf' | 'wake'>;
  live: Pick<Live, 'network' | 'networkId' | 'head' | 'subscribe'>;
  observations: Pick<Observations, 'stored' | 'onChange'>;
  gate: Gate;
  /** Milliseconds since 1970. */
  now: () => number;
  /** Called when more than a position has changed in `standing`, and when a position has. */
  onNews: () => void;
  onReached: () => void;
  report: (trouble: string, error: unknown) => void;
};

/** What is remembered of a standby that is not connected. */
type Last = { position: Position; at: number; version: string | undefined; trouble: string | undefined };

export class Followers {
  /** Called when a standby came, became level, fell behind, or has gone. */
  onTurn: () => void = () => {};
  readonly #options: FollowersOptions;
  readonly #followers = new Map<PeerId, Follower>();
  readonly #last = new Map<PeerId, Last>();
  readonly #moved = new Set<PeerId>();
  readonly #unsubscribe: (() => void)[];
  readonly #heartbeat: NodeJS.Timeout;
  #gathering: NodeJS.Timeout | undefined;
  #aloneSince: number | undefined;

  /** Make it before what shows commits to clients: the gate hears of a commit first. */
  constructor(options: FollowersOptions) {
    this.#options = options;
    const { log, live, observations, gate } = options;
    this.#unsubscribe = [
      live.subscribe((step) => this.#follow(step)),
      log.wake(() => this.#pumpAll()),
      observations.onChange(({ id }) => this.#gather(id)),
    ];
    gate.onTurn = () => {
      this.#judge();
      this.onTurn();
    };
    this.#heartbeat = setInterval(() => this.#beat(), LOG_HEARTBEAT_SECONDS * 1_000);
    this.#judge();
  }

  /** Standbys are named and none is level, since when, in milliseconds since 1970. */
  get aloneSince(): number | undefined {
    return this.#aloneSince;
  }

  /** Of each named standby. */
  standing(): StandbyStanding[] {
    const { network } = this.#options.live;
    return [...network.standbys].flatMap((id) => {
      const peer = network.peer(id);
      return peer ? [this.#standingOf(peer)] : [];
    });
  }

  /** After both sides have proved themselves. */
  attach(
    socket: LogSocket & Parameters<typeof open>[0],
    peer: Peer,
    query: LogQuery,
    opening: Opening,
  ): void {
    socket.on('error', () => socket.terminate());
    if (socket.readyState !== socket.OPEN) return;
    open(socket, this.#options.live.networkId, opening, () => {
      void this.#begin(socket, peer.id, query, opening).catch((error: unknown) => {
        this.#options.report(`the standby ${peer.name} cannot follow`, error);
        socket.terminate();
      });
    });
  }

  /** Commits of this program: at once to those who have all before them, the others meet them in the log. */
  tell(commits: readonly Appended[]): void {
    for (const follower of this.#followers.values()) this.#tell(follower, commits);
  }

  /** Answers that appended nothing are sent here alone. */
  #tell(follower: Follower, commits: readonly Appended[]): void {
    const [first] = commits;
    if (!first || follower.sent !== first.from || follower.isSending || !follower.takesMore) return;
    follower.send({ kind: 'records', commits: commits.map(logCommit) });
    const to = commits.at(-1)?.to ?? first.from;
    if (to > first.from) follower.sentTo(to);
  }

  close(): void {
    clearInterval(this.#heartbeat);
    clearTimeout(this.#gathering);
    for (const unsubscribe of this.#unsubscribe) unsubscribe();
    for (const follower of this.#followers.values()) follower.close();
  }

  async #begin(socket: LogSocket, id: PeerId, query: LogQuery, { evidence }: Opening): Promise<void> {
    const { log, live, now } = this.#options;
    const end = (code: keyof typeof LOG_CLOSE): void => socket.close(LOG_CLOSE[code], code);
    const { position, hash } = live.head;
    if (query.position > position) return end('behind');
    const [own] = query.position === 0 ? [] : await log.read(query.position - 1, 1);
    if ((own?.hash ?? NO_HASH) !== query.hash) return end('otherHistory');
    const peer = live.network.peer(id);
    if (!isStandby(peer) || peer.publicKey !== evidence.key) return end('notNamed');
    this.#followers.get(id)?.end('replaced');
    const { version } = query;
    const follower = new Follower(socket, { ...query, peerId: id, key: evidence.key, version, since: now() });
    this.#followers.set(id, follower);
    this.#last.delete(id);
    socket.on('message', (data, isBinary) => this.#hear(follower, isBinary ? undefined : parsed(data)));
    socket.once('close', () => this.#leave(follower));
    if (!follower.isOpen) return this.#leave(follower);
    follower.send({ kind: 'greeting', network: live.networkId, position, hash });
    follower.send({ kind: 'observed', peers: [...this.#options.observations.stored()] });
    this.#options.gate.enter(follower);
    this.#options.onNews();
    this.#pump(follower);
  }

  #leave(follower: Follower): void {
    const { gate, now, onNews } = this.#options;
    gate.leave(follower);
    if (this.#followers.get(follower.peerId) !== follower) return;
    const { peerId, position, version, trouble } = follower;
    this.#followers.delete(peerId);
    this.#last.set(peerId, { position, at: now(), version, trouble });
    onNews();
    this.onTurn();
  }

  #hear(follower: Follower, frame: StandbyFrame | undefined): void {
    switch (frame?.kind) {
      case undefined:
        follower.end('badFrame');
        break;
      case 'reached':
        if (!follower.confirms(frame.position)) follower.end('badFrame');
        else {
          this.#options.gate.confirm(follower, frame.position);
          this.#options.onReached();
          this.#pump(follower);
        }
        break;
      case 'update-me':
        follower.trouble = `its program does not know the event ${frame.type} at position ${frame.position}`;
        this.#leave(follower);
        follower.end('outdated');
        break;
      default:
        frame satisfies never;
    }
  }

  #follow({ commit }: Step): void {
    const { gate, live } = this.#options;
    gate.grow(commit.to);
    for (const follower of this.#followers.values()) {
      const peer = live.network.peer(follower.peerId);
      if (isStandby(peer) && peer.publicKey === follower.key) continue;
      this.#leave(follower);
      this.#last.delete(follower.peerId);
      follower.end('notNamed');
    }
    if (commit.events.some(({ type }) => TELLING.has(type))) this.#judge();
  }

  #judge(): void {
    const { gate, live, now, onNews } = this.#options;
    const isAlone = live.network.standbys.size > 0 && !gate.isAnyLevel;
    if (isAlone !== (this.#aloneSince !== undefined)) this.#aloneSince = isAlone ? now() : undefined;
    onNews();
  }

  #pumpAll(): void {
    for (const follower of this.#followers.values()) this.#pump(follower);
  }

  /** Sends what the log has more, one page after another. */
  #pump(follower: Follower): void {
    follower.hasNews = true;
    if (follower.isSending) return;
    follower.isSending = true;
    void this.#send(follower)
      .catch((error: unknown) => {
        this.#options.report('the log cannot be sent to a standby', error);
        follower.close();
      })
      .finally(() => {
        follower.isSending = false;
        if (follower.hasNews && follower.takesMore) this.#pump(follower);
      });
  }

  async #send(follower: Follower): Promise<void> {
    follower.hasNews = false;
    while (follower.takesMore) {
      const commits = await readCommits(this.#options.log, follower.sent);
      const last = commits.at(-1);
      if (!last) return;
      const frames = await Promise.all(commits.map((commit) => this.#frameOf(commit)));
      follower.send({ kind: 'records', commits: frames });
      follower.sentTo(last.to);
    }
  }

  async #frameOf({ from, to, records }: RecordedCommit): Promise<LogCommit> {
    const [{ actor, commandId } = { actor: '', commandId: '' }] = records;
    const kept = await this.#options.log.commitOf(actor, commandId);
    const commandDigest = kept?.commandDigest ?? NO_HASH;
    return logCommit({ from, to, actor, commandId, commandDigest, records });
  }

  #gather(id: PeerId): void {
    if (this.#followers.size === 0) return;
    this.#moved.add(id);
    this.#gathering ??= setTimeout(() => this.#tellObserved(), GATHER_MS).unref();
  }

  #tellObserved(): void {
    this.#gathering = undefined;
    const peers = [...this.#options.observations.stored()].filter(({ id }) => this.#moved.has(id));
    this.#moved.clear();
    for (const follower of this.#followers.values()) follower.send({ kind: 'observed', peers });
  }

  #beat(): void {
    for (const follower of this.#followers.values()) follower.beat();
  }

  #standingOf({ id }: Peer): StandbyStanding {
    const follower = this.#followers.get(id);
    const last = this.#last.get(id);
    const { position, version, trouble } = follower ?? last ?? {};
    const heard = follower ? this.#options.now() : last?.at;
    return {
      peerId: id,
      isConnected: follower !== undefined,
      isLevel: follower?.isLevel ?? false,
      position: position ?? null,
      heard: heard === undefined ? null : (new Date(heard).toISOString() as Timestamp),
      ...(version === undefined ? {} : { version }),
      ...(trouble === undefined ? {} : { trouble }),
    };
  }
}

/** After these the set of standbys may be another. */
const TELLING: ReadonlySet<string> = new Set([
  'StandbyNamed',
  'StandbyDismissed',
  'PeerDeleted',
  'PeerDisabled',
  'PeerEnabled',
]);

const isStandby = (peer: Peer | undefined): peer is Peer =>
  peer?.isStandby === true && peer.isRedeemed && !peer.isDisabled;

const parsed = (data: RawData): StandbyFrame | undefined => {
  try {
    return StandbyFrame.parse(JSON.parse(data.toString()));
  } catch {
    return undefined;
  }
};

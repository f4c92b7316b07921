// The log's contract without a disk: records in an array, every question answered by reading all of them.

import { readFileSync, writeFileSync } from 'node:fs';
import type { EventRecord } from '../../src/events/record.ts';
import type { NetworkEvent } from '../../src/events/schema.ts';
import type { Thing } from '../../src/events/subject.ts';
import { eventOf } from '../../src/events/upcast.ts';
import type { AppendResult, Commit, EventLog, Head, NewCommit, StoredState } from '../../src/store/log.ts';
import type {
  CidrRow,
  EndsRow,
  LogQueries,
  Named,
  NameSpan,
  PeerRow,
  RecordFilter,
  Stretch,
  ToldRecord,
} from '../../src/store/queries.ts';
import { seal } from '../../src/store/seal.ts';
import { Failure } from '../../src/values/failure.ts';
import {
  type AssociationId,
  type CidrId,
  type Hash,
  NO_HASH,
  type PeerId,
  type Position,
  SERVER_PEER,
} from '../../src/values/id.ts';
import type { Timestamp } from '../../src/values/time.ts';

type Committed = Extract<AppendResult, { kind: 'committed' }>;

/** What several programs share that have the same log open. */
export class Memory {
  records: EventRecord[] = [];
  readonly commits: Commit[] = [];
  states: StoredState[] = [];
  readonly listeners = new Set<() => void>();
}

export class MemoryLog implements EventLog {
  readonly name = 'memory';
  readonly broken = undefined;
  readonly queries: LogQueries;
  readonly #memory: Memory;
  readonly #own = new Set<() => void>();

  constructor(memory = new Memory()) {
    this.#memory = memory;
    this.queries = new MemoryQueries(memory);
  }

  /** Opens what `backup` wrote. */
  static restored(file: string): MemoryLog {
    const memory = new Memory();
    memory.records = JSON.parse(readFileSync(file, 'utf8')).map((record: EventRecord & { salt: string }) => ({
      ...record,
      salt: new Uint8Array(Buffer.from(record.salt, 'hex')),
    }));
    return new MemoryLog(memory);
  }

  async head(): Promise<Head> {
    return this.#head();
  }

  #head(): Head {
    const { position, hash } = this.#memory.records.at(-1) ?? { position: 0, hash: NO_HASH };
    return { position, hash };
  }

  async refresh(): Promise<void> {}

  async networkId(): Promise<Hash | undefined> {
    return this.#memory.records[0]?.hash;
  }

  async append(expected: Position, commits: readonly NewCommit[]): Promise<AppendResult> {
    let head = this.#head();
    const { records: kept, listeners } = this.#memory;
    const isKnown = ({ actor, commandId }: NewCommit): boolean =>
      this.#answer(actor, commandId) !== undefined;
    if (head.position !== expected || commits.some(isKnown)) return { kind: 'conflict' };
    const added: EventRecord[] = [];
    const done: Committed['commits'] = [];
    for (const commit of commits) {
      const { actor, commandId, commandDigest } = commit;
      const sealed = seal(commit, head, kept[0]?.hash ?? added[0]?.hash);
      const { position: to, hash } = sealed.head;
      const { records } = sealed;
      done.push({ actor, commandId, commandDigest, from: head.position, to, hash, records });
      added.push(...sealed.records);
      head = sealed.head;
    }
    kept.push(...added);
    this.#memory.commits.push(...done.map(({ hash: _, records: __, ...commit }) => commit));
    setImmediate(() => {
      for (const listener of listeners) listener();
    });
    return { kind: 'committed', commits: done, head };
  }

  async read(after: Position, limit: number): Promise<EventRecord[]> {
    return this.#memory.records.slice(after, after + limit);
  }

  async commitOf(actor: string, commandId: string): Promise<Commit | undefined> {
    return this.#answer(actor, commandId);
  }

  wake(listener: () => void): () => void {
    const own = () => listener();
    this.#own.add(own);
    this.#memory.listeners.add(own);
    return () => void this.#memory.listeners.delete(own);
  }

  async witness(): Promise<(Head & { name: string }) | undefined> {
    return this.#memory.records.length === 0 ? undefined : { ...(await this.head()), name: this.name };
  }

  async checkStorage(): Promise<void> {}

  async backup(to: string): Promise<Head> {
    const records = this.#memory.records.map((record) => ({
      ...record,
      salt: Buffer.from(record.salt).toString('hex'),
    }));
    try {
      writeFileSync(to, JSON.stringify(records), { flag: 'wx' });
    } catch (cause) {
      throw new Failure(`${to} exists already`, { cause });
    }
    return this.head();
  }

  async saveState(state: StoredState): Promise<void> {
    this.#memory.states = [state, ...this.#memory.states].slice(0, 2);
  }

  async loadState(codeVersion: string, until: Position): Promise<StoredState | undefined> {
    return this.#memory.states.find(
      (state) =>
        state.codeVersion === codeVersion &&
        state.position <= until &&
        this.#memory.records[state.position - 1]?.hash === state.hash,
    );
  }

  async dropStates(): Promise<void> {
    this.#memory.states = [];
  }

  async close(): Promise<void> {
    for (const listener of this.#own) this.#memory.listeners.delete(listener);
  }

  #answer(actor: string, commandId: string): Commit | undefined {
    return this.#memory.commits.find((commit) => commit.actor === actor && commit.commandId === commandId);
  }
}

const isSame = (one: { kind: string; id: number }, other: { kind: string; id: number }): boolean =>
  one.kind === other.kind && one.id === other.id;

type Naming = Named & { from: Position; name: string };

class MemoryQueries implements LogQueries {
  readonly #memory: Memory;

  constructor(memory: Memory) {
    this.#memory = memory;
  }

  records({ types, actors, about }: RecordFilter, { after, until, limit, reverse }: Stretch): ToldRecord[] {
    const found = this.#between(after, until).filter(
      (record) =>
        (types?.includes(record.type as NetworkEvent['type']) ?? true) &&
        (actors?.includes(record.actor) ?? true) &&
        (about?.some((thing) => this.#thingsIn(record).some((each) => isSame(each, thing))) ?? true),
    );
    return (reverse ? found.reverse() : found)
      .slice(0, limit)
      .map(({ commitEnd: _, salt: __, digest: ___, ...told }) => told);
  }

  recordsOfPair(pair: readonly [PeerId, PeerId], until: Position): EventRecord[] {
    const around = new Set<CidrId>();
    const homes = this.peers().flatMap(({ id, cidrId }) => (pair.includes(id) ? [cidrId] : []));
    const parents = new Map(
      this.#events().flatMap(({ event }) =>
        event.type === 'CidrAdded' ? [[event.cidrId, event.parentId] as const] : [],
      ),
    );
    for (const home of homes)
      for (let cidr: CidrId | null | undefined = home; cidr; cidr = parents.get(cidr)) around.add(cidr);
    const joined = this.associations()
      .filter(({ cidrIds }) => cidrIds.every((id) => around.has(id)))
      .map(({ id }) => id);
    const idle = ['EndpointOverrideSet', 'EndpointOverrideCleared', 'ServerEndpointChanged'];
    const decides = ({ event }: { event: NetworkEvent }): boolean => {
      if (idle.includes(event.type) || event.type.startsWith('Admin')) return false;
      if (event.type === 'CidrAdded' || event.type === 'CidrRenamed' || event.type === 'CidrDeleted')
        return around.has(event.cidrId);
      if (event.type === 'CidrIsolated' || event.type === 'CidrUnisolated') return around.has(event.cidrId);
      if ('associationId' in event) return joined.includes(event.associationId);
      return 'peerId' in event && event.peerId !== undefined && pair.includes(event.peerId);
    };
    return this.#events()
      .filter((each) => each.record.position <= until && decides(each))
      .map(({ record }) => record);
  }

  actors(): string[] {
    return [...new Set(this.#memory.commits.map(({ actor }) => actor))].sort();
  }

  digests(after: Position, to: Position): Hash[] {
    return this.#between(after, to).map(({ digest }) => digest);
  }

  earliest(after: Position, to: Position): Timestamp | undefined {
    return this.#between(after, to)
      .map(({ recordedAt }) => recordedAt)
      .sort()[0];
  }

  lastRecordedBy(time: Timestamp, after: Position, to: Position): Position | undefined {
    return this.#between(after, to).findLast(({ recordedAt }) => recordedAt <= time)?.position;
  }

  namesOf(thing: Named, position: Position, direction: 'onward' | 'back'): NameSpan[] {
    const named = this.#namings().filter((naming) => isSame(naming, thing));
    const spans = named.map(({ from, name }, index) => ({
      ...{ from, name },
      until: named[index + 1]?.from ?? this.#memory.records.length + 1,
    }));
    return spans.filter(({ from, until }) => (direction === 'back' ? from <= position : until > position));
  }

  everCalled(name: string): (Named & { from: Position })[] {
    const last = new Map<string, Named & { from: Position }>();
    for (const { kind, id, from, name: given } of this.#namings())
      if (given === name) last.set(`${kind} ${id}`, { kind, id, from });
    return [...last.values()].sort((one, other) =>
      one.kind === other.kind ? one.id - other.id : ORDER.indexOf(one.kind) - ORDER.indexOf(other.kind),
    );
  }

  peers(where: Partial<PeerRow> = {}): PeerRow[] {
    const rows = new Map<PeerId, PeerRow>();
    const change = (id: PeerId, fields: Partial<PeerRow>): void => {
      const row = rows.get(id);
      if (row) rows.set(id, { ...row, ...fields });
    };
    for (const { event } of this.#events())
      switch (event.type) {
        case 'PeerAdded': {
          const { peerId: id, name, ip, cidrId, publicKey, disabled = false } = event;
          rows.set(id, { id, name, ip, cidrId, publicKey, isDisabled: disabled, ended: null });
          break;
        }
        case 'PeerRenamed':
          change(event.peerId, { name: event.name });
          break;
        case 'InvitationRedeemed':
        case 'InvitationReissued':
          change(event.peerId, { publicKey: event.publicKey });
          break;
        case 'PeerDisabled':
        case 'PeerEnabled':
        case 'PeerExpired':
          change(event.peerId, { isDisabled: event.type !== 'PeerEnabled' });
          break;
        case 'PeerDeleted':
          change(event.peerId, { ended: 'deleted' });
          break;
        case 'InvitationExpired':
          change(event.peerId, { ended: 'expired' });
          break;
        case 'InvitationRevoked':
          change(event.peerId, { ended: 'revoked' });
          break;
        default:
      }
    return [...rows.values()].filter((row) => matches(row, where)).sort((one, other) => one.id - other.id);
  }

  cidrs(where: Partial<CidrRow> = {}): CidrRow[] {
    const rows = new Map<CidrId, CidrRow>();
    for (const { event } of this.#events()) {
      if (event.type === 'CidrAdded')
        rows.set(event.cidrId, { id: event.cidrId, name: event.name, cidr: event.cidr });
      const row = event.type === 'CidrRenamed' ? rows.get(event.cidrId) : undefined;
      if (row && event.type === 'CidrRenamed') rows.set(event.cidrId, { ...row, name: event.name });
      if (event.type === 'CidrDeleted') rows.delete(event.cidrId);
    }
    return [...rows.values()].filter((row) => matches(row, where)).sort((one, other) => one.id - other.id);
  }

  endsOf(id: AssociationId): readonly [CidrId, CidrId] | undefined {
    return this.associations().find((row) => row.id === id)?.cidrIds;
  }

  associations(): EndsRow[] {
    return this.#events().flatMap(({ event }) =>
      event.type === 'AssociationAdded' ? [{ id: event.associationId, cidrIds: event.cidrIds }] : [],
    );
  }

  #between(after: Position, to: Position): EventRecord[] {
    return this.#memory.records.filter(({ position }) => position > after && position <= to);
  }

  #events(): { record: EventRecord; event: NetworkEvent }[] {
    return this.#memory.records.map((record) => ({ record, event: eventOf(record) }));
  }

  #namings(): Naming[] {
    return this.#events().flatMap(({ record: { position: from }, event }): Naming[] => {
      if (event.type === 'PeerAdded' || event.type === 'PeerRenamed')
        return [{ kind: 'peer', id: event.peerId, from, name: event.name }];
      if (event.type === 'CidrAdded' || event.type === 'CidrRenamed')
        return [{ kind: 'cidr', id: event.cidrId, from, name: event.name }];
      if (event.type === 'RouteAdded' || event.type === 'RouteRenamed')
        return [{ kind: 'route', id: event.routeId, from, name: event.name }];
      return [];
    });
  }

  #thingsIn(record: EventRecord): Thing[] {
    const event = eventOf(record);
    const things: Thing[] = [];
    if ('peerId' in event && event.peerId !== undefined) things.push({ kind: 'peer', id: event.peerId });
    if (event.type === 'ServerEndpointChanged') things.push({ kind: 'peer', id: SERVER_PEER });
    if ('cidrId' in event && event.cidrId !== undefined) things.push({ kind: 'cidr', id: event.cidrId });
    if ('routeId' in event) things.push({ kind: 'route', id: event.routeId });
    if ('parentId' in event && event.parentId !== null) things.push({ kind: 'cidr', id: event.parentId });
    if ('associationId' in event) {
      things.push({ kind: 'association', id: event.associationId });
      for (const id of this.endsOf(event.associationId) ?? []) things.push({ kind: 'cidr', id });
    }
    return things;
  }
}

const ORDER = ['peer', 'cidr', 'route'];

const matches = <R extends object>(row: R, where: Partial<R>): boolean =>
  Object.entries(where).every(([field, value]) => value === undefined || row[field as keyof R] === value);

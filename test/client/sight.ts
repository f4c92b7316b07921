// Words for tests of what a client sees: rows, a conf's facts, and an honest log that frames are cut from.

import type { Head } from '../../src/client/memory/chain.ts';
import { Mirror } from '../../src/client/memory/mirror.ts';
import type { Ground } from '../../src/client/memory/pins.ts';
import { chainHash } from '../../src/events/record.ts';
import { sha256 } from '../../src/machine/sha256.ts';
import type { Delta, Snapshot } from '../../src/protocol/frames.ts';
import type { CidrRow, PeerRow } from '../../src/protocol/rows.ts';
import type { Endpoint } from '../../src/values/endpoint.ts';
import type { CidrId, Hash, PeerId } from '../../src/values/id.ts';
import { NO_HASH } from '../../src/values/id.ts';
import type { Cidr, Ip } from '../../src/values/ip.ts';
import { keyText, PublicKey } from '../../src/values/key.ts';

/** A valid public key; the greater the number, the greater the key's bytes. */
export const key = (n: number): PublicKey => {
  const bytes = new Uint8Array(32).fill(1);
  bytes[0] = n >> 8;
  bytes[1] = n & 255;
  return PublicKey.parse(keyText(bytes));
};

export const row = (id: number, ip: string, n: number, more: Partial<PeerRow> = {}): PeerRow => ({
  id: id as PeerId,
  name: `peer-${id}`,
  ip: ip as Ip,
  cidrId: 3 as CidrId,
  publicKey: key(n),
  isAdmin: false,
  endpoint: null,
  ...more,
});

export const cidr = (id: number, block: string, name = `cidr-${id}`): CidrRow => ({
  id: id as CidrId,
  name,
  cidr: block as Cidr,
  parentId: 1 as CidrId,
});

export const server = row(1, '10.42.0.1', 1, {
  name: 'innernet-server',
  endpoint: '203.0.113.1:51820' as Endpoint,
});
export const own = row(2, '10.42.1.2', 2, { name: 'ann' });

export const ground: Ground = { range: '10.42.0.0/16' as Cidr, own, server };

/** An honest log: random digests, and the hashes that they lead to. */
export class History {
  readonly digests: Hash[] = [];
  readonly hashes: Hash[] = [];
  readonly seed: string;

  constructor(length: number, seed = 'a') {
    this.seed = seed;
    this.grow(length);
  }

  get networkId(): Hash {
    return this.hashes[0] as Hash;
  }

  get length(): number {
    return this.hashes.length;
  }

  grow(count: number): void {
    for (let i = 0; i < count; i += 1) {
      const position = this.length + 1;
      const digest = sha256(Buffer.from(`${this.seed}${position}`));
      const previous = this.hashes.at(-1) ?? NO_HASH;
      this.digests.push(digest);
      this.hashes.push(
        chainHash({ networkId: this.hashes[0] ?? NO_HASH, position, previous, digest }, sha256),
      );
    }
  }

  /** The same history up to a position, another one from there. */
  fork(at: number, length: number): History {
    const other = new History(0, `${this.seed}'`);
    other.digests.push(...this.digests.slice(0, at));
    other.hashes.push(...this.hashes.slice(0, at));
    other.grow(length - at);
    return other;
  }

  head(position = this.length): Head {
    return { networkId: this.networkId, position, hash: this.hashes[position - 1] ?? NO_HASH };
  }

  link(from: number, position: number) {
    return { from, position, hash: this.head(position).hash, digests: this.digests.slice(from, position) };
  }

  delta(from: number, position: number, rows: { changed?: PeerRow[]; removed?: number[] } = {}): Delta {
    return {
      kind: 'delta',
      ...this.link(from, position),
      peers: { changed: rows.changed ?? [], removed: (rows.removed ?? []) as PeerId[] },
      cidrs: { changed: [], removed: [] },
    };
  }

  snapshot(from: number, position: number, peers: PeerRow[], cidrs: CidrRow[] = []): Snapshot {
    return { network: this.networkId, ...this.link(from, position), peers, cidrs };
  }

  welcome(position = this.length) {
    const { networkId, hash } = this.head(position);
    return {
      kind: 'welcome',
      network: networkId,
      position,
      hash,
      heartbeat: 20,
      boot: 'b',
      sequence: 0,
    } as const;
  }
}

/** A client that has taken a snapshot with these peers besides itself and the server. */
export const mirrorAt = (history: History, position: number, peers: PeerRow[]): Mirror => {
  const mirror = new Mirror(ground, sha256);
  const verdict = mirror.judgeSnapshot(history.snapshot(position, position, [server, own, ...peers]));
  if (verdict.kind !== 'take') throw new Error(`the first snapshot was judged ${verdict.kind}`);
  mirror.take(verdict.effect);
  return mirror;
};

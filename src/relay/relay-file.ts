/** Sessions and addresses of a relay kept over a restart: written lazily, expendable. */
import { readFileSync } from 'node:fs';
import { rename, rm, writeFile } from 'node:fs/promises';
import * as z from 'zod';
import { SocketAddress } from '../values/endpoint.ts';
import { PeerId } from '../values/id.ts';
import type { Effect, Relay } from './relay.ts';

const MAX_WAIT_MS = 2_000;
const MIN_WAIT_MS = 100;

const End = z.object({ peer: PeerId, index: z.number().int().nonnegative().max(0xffff_ffff) });
const Document = z.object({
  version: z.literal(1),
  /** Milliseconds since 1970. */
  writtenAt: z.number(),
  addresses: z.array(z.object({ id: PeerId, address: SocketAddress })),
  sessions: z.array(z.object({ ends: z.tuple([End, End]), ageMs: z.number().nonnegative() })),
});

/** Of a missing or damaged file none. */
const remembered = (file: string): z.infer<typeof Document> | undefined => {
  try {
    return Document.parse(JSON.parse(readFileSync(file, 'utf8')));
  } catch {
    return undefined;
  }
};

/** Where mailboxes were open when the file was written. */
export const rememberedAddresses = (file: string): z.infer<typeof Document>['addresses'] =>
  remembered(file)?.addresses ?? [];

export class RelayFile {
  readonly #file: string;
  readonly #relay: Relay;
  #timer: NodeJS.Timeout | undefined;

  constructor(file: string, relay: Relay) {
    this.#file = file;
    this.#relay = relay;
  }

  restore(): readonly Effect[] {
    const known = remembered(this.#file);
    if (!known) return [];
    const now = performance.now();
    // A clock that went back makes nothing younger.
    const since = Math.max(0, Date.now() - known.writtenAt);
    const sessions = known.sessions.map(({ ends, ageMs }) => ({ ends, startedAt: now - ageMs - since }));
    return this.#relay.restore(known.addresses, sessions, now);
  }

  /** Soon while there is little to write. */
  change(): void {
    const wait = Math.min(MAX_WAIT_MS, MIN_WAIT_MS + this.#relay.counts.pairs);
    this.#timer ??= setTimeout(() => void this.write(), wait).unref();
  }

  /** A full disk costs only what a restart would have kept. */
  async write(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const draft = `${this.#file}.draft`;
    try {
      await writeFile(draft, JSON.stringify(this.#document()), { mode: 0o600 });
      await rename(draft, this.#file);
    } catch {
      await rm(draft, { force: true }).catch(() => undefined);
    }
  }

  #document(): z.input<typeof Document> {
    const now = performance.now();
    const sessions = Array.from(this.#relay.sessions(), ({ ends, startedAt }) => {
      const [left, right] = ends;
      return { ends: [left, right] as [typeof left, typeof right], ageMs: Math.max(0, now - startedAt) };
    });
    return { version: 1, writtenAt: Date.now(), addresses: [...this.#relay.addresses()], sessions };
  }
}

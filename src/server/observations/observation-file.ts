/** Observations kept over a restart, in a file beside the log: written lazily, and no loss when it is gone. */
import { readFileSync } from 'node:fs';
import { rename, rm, writeFile } from 'node:fs/promises';
import * as z from 'zod';
import { SocketAddress } from '../../values/endpoint.ts';
import { PeerId } from '../../values/id.ts';
import type { Observations, StoredObservation } from './observations.ts';

/** Milliseconds between two writes, at least. */
const WRITE_EVERY = 30_000;

const Document = z.object({
  version: z.literal(1),
  peers: z.array(
    z.object({
      id: PeerId,
      endpoint: SocketAddress.nullable(),
      reported: z.array(SocketAddress),
      lastHandshake: z.number().optional(),
    }),
  ),
});

/** The file's text. */
export const observationDocument = (peers: StoredObservation[]): string =>
  JSON.stringify({ version: 1, peers } satisfies z.input<typeof Document>);

/** What the file remembers; a missing or damaged one remembers nothing. */
const remembered = (file: string): z.infer<typeof Document>['peers'] => {
  try {
    return Document.parse(JSON.parse(readFileSync(file, 'utf8'))).peers;
  } catch {
    return [];
  }
};

/** The candidates that the file remembers, by peer. */
export const rememberedCandidates = (file: string): Map<PeerId, SocketAddress[]> =>
  new Map(remembered(file).map(({ id, reported }) => [id, reported]));

/** The last handshakes that the file remembers, in milliseconds since 1970, by peer. */
export const rememberedHandshakes = (file: string): Map<PeerId, number> =>
  new Map(
    remembered(file).flatMap(({ id, lastHandshake }) =>
      lastHandshake === undefined ? [] : [[id, lastHandshake] as const],
    ),
  );

export class ObservationFile {
  readonly #file: string;
  readonly #observations: Observations;
  readonly #unsubscribe: () => void;
  #timer: NodeJS.Timeout | undefined;

  /** Restores what the file remembers of peers that `knows`, and writes it anew some time after each change. */
  constructor(file: string, observations: Observations, knows: (id: PeerId) => boolean) {
    this.#file = file;
    this.#observations = observations;
    observations.restore(remembered(file).filter(({ id }) => knows(id)));
    this.#unsubscribe = observations.onChange(() => {
      this.#timer ??= setTimeout(() => void this.#write(), WRITE_EVERY).unref();
    });
  }

  /** Writes all that is known: handshakes alone, which come all the time, are no reason to write before. */
  async close(): Promise<void> {
    this.#unsubscribe();
    await this.#write();
  }

  /** A full disk or the like costs no more than the memory of endpoints, so nobody is troubled with it. */
  async #write(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const draft = `${this.#file}.draft`;
    try {
      const document = observationDocument([...this.#observations.stored()]);
      await writeFile(draft, document, { mode: 0o600 });
      await rename(draft, this.#file);
    } catch {
      await rm(draft, { force: true }).catch(() => undefined);
    }
  }
}

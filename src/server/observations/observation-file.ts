/** Observations kept over a restart, in a file beside the log: written lazily, expendable. */
import { readFileSync } from 'node:fs';
import * as z from 'zod';
import type { Said } from '../../domain/enforcers.ts';
import { LIMITS_OF, WORDS } from '../../domain/views.ts';
import { replaceUnsynced } from '../../machine/durable.ts';
import { Offers, type RouterOffers } from '../../protocol/rows.ts';
import { Port, SocketAddress } from '../../values/endpoint.ts';
import { PeerId } from '../../values/id.ts';
import type { Consent, Observations, StoredObservation } from './observations.ts';

const WRITE_EVERY_MS = 30_000;
/** What programs know is asked by verbs of other processes. */
const WRITE_WORDS_AFTER_MS = 500;

const Document = z.object({
  version: z.literal(1),
  peers: z.array(
    z.object({
      id: PeerId,
      endpoint: SocketAddress.nullable(),
      reported: z.array(SocketAddress),
      lastHandshake: z.number().optional(),
      consent: z.object({ port: Port, trouble: z.string().optional() }).optional(),
      offers: Offers.optional(),
      word: z.enum(WORDS).optional(),
    }),
  ),
});

/** The file's text. */
export const observationDocument = (peers: StoredObservation[]): string =>
  JSON.stringify({ version: 1, peers } satisfies z.input<typeof Document>);

/** A missing or damaged file holds nothing. */
const remembered = (file: string): z.infer<typeof Document>['peers'] => {
  try {
    return Document.parse(JSON.parse(readFileSync(file, 'utf8'))).peers;
  } catch {
    return [];
  }
};

/** Beside a backup of the log, for the machine on which it is put back. */
export const observationsBeside = (backup: string): string => `${backup}.observations`;

/** Copies what is remembered now; nothing if there is none. */
export const copyObservations = (from: string, to: string): void => {
  const peers = remembered(from);
  if (peers.length > 0) replaceUnsynced(to, observationDocument(peers));
};

/** Takes those of another file that are newer than one's own, by their handshakes. */
export const takeObservations = (from: string, to: string): void => {
  const own = new Map(remembered(to).map((peer) => [peer.id, peer]));
  const news = remembered(from).filter(({ id, lastHandshake = 0 }) => {
    const known = own.get(id);
    return known === undefined || (known.lastHandshake ?? 0) < lastHandshake;
  });
  if (news.length === 0) return;
  for (const peer of news) own.set(peer.id, peer);
  replaceUnsynced(to, observationDocument([...own.values()]));
};

/** The candidates that the file remembers, by peer. */
export const rememberedCandidates = (file: string): Map<PeerId, SocketAddress[]> =>
  new Map(remembered(file).map(({ id, reported }) => [id, reported]));

/** Where peers were heard last, as the file remembers it. */
export const rememberedEndpoints = (file: string): Map<PeerId, SocketAddress> =>
  new Map(remembered(file).flatMap(({ id, endpoint }) => (endpoint ? [[id, endpoint] as const] : [])));

/** In milliseconds since 1970. */
export const rememberedHandshakes = (file: string): Map<PeerId, number> =>
  new Map(
    remembered(file).flatMap(({ id, lastHandshake }) =>
      lastHandshake === undefined ? [] : [[id, lastHandshake] as const],
    ),
  );

/** Which machines may be relays, by their own word. */
export const rememberedConsents = (file: string): Map<PeerId, Consent> =>
  new Map(remembered(file).flatMap(({ id, consent }) => (consent ? [[id, consent] as const] : [])));

/** What machines offer to carry, as they said last; undefined: no server has written anything down here. */
export const rememberedOffers = (file: string): RouterOffers[] | undefined => {
  const entries = remembered(file);
  if (entries.length === 0) return undefined;
  return entries.flatMap(({ id: peerId, offers = [] }) => (offers.length > 0 ? [{ peerId, offers }] : []));
};

/** What the programs of peers know, as they said last. */
export const rememberedWords = (file: string): Said[] =>
  remembered(file).flatMap(({ id: peerId, word }) =>
    word === undefined ? [] : [{ peerId, limits: LIMITS_OF[word] }],
  );

export class ObservationFile {
  readonly #file: string;
  readonly #observations: Observations;
  readonly #unsubscribe: (() => void)[];
  #timer: NodeJS.Timeout | undefined;
  #soon: NodeJS.Timeout | undefined;

  /** Restores the entries of peers that `knows`, and rewrites the file after changes. */
  constructor(file: string, observations: Observations, knows: (id: PeerId) => boolean) {
    this.#file = file;
    this.#observations = observations;
    observations.restore(remembered(file).filter(({ id }) => knows(id)));
    this.#unsubscribe = [
      observations.onChange(() => {
        this.#timer ??= setTimeout(() => this.#write(), WRITE_EVERY_MS).unref();
      }),
      // Seldom, and somebody waits for it.
      observations.onConsent(() => this.#write()),
      observations.onWord(() => {
        this.#soon ??= setTimeout(() => this.#write(), WRITE_WORDS_AFTER_MS).unref();
      }),
    ];
  }

  /** Handshakes come all the time and alone cause no earlier write. */
  close(): void {
    for (const unsubscribe of this.#unsubscribe) unsubscribe();
    this.#write();
  }

  /** A full disk costs only remembered endpoints. */
  #write(): void {
    clearTimeout(this.#timer);
    clearTimeout(this.#soon);
    this.#timer = undefined;
    this.#soon = undefined;
    try {
      replaceUnsynced(this.#file, observationDocument([...this.#observations.stored()]));
    } catch {
      // the file before it stays
    }
  }
}

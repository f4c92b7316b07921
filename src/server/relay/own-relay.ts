/** The server as a relay: serves whom the log allows, while the log says that it is one. */
import type { Network } from '../../domain/network.ts';
import { Station, type StationOptions } from '../../relay/station.ts';
import { type PeerId, SERVER_PEER } from '../../values/id.ts';
import type { PublicKey } from '../../values/key.ts';
import type { Live } from '../live/live.ts';
import type { Step } from '../live/step.ts';
import type { Observations } from '../observations/observations.ts';
import { LoggedClientele } from './clientele.ts';

/** Between looks at the device because of a mailbox from an unknown host. */
const MIN_LOOK_MS = 250;

export type OwnRelayOptions = Pick<StationOptions, 'kernelAt' | 'forgetKernel' | 'file'> & {
  live: Live;
  observations: Observations;
  mailboxOf: (relay: PeerId, peer: PeerId) => PublicKey;
  report: (trouble: string, error: unknown) => void;
};

export class OwnRelay {
  readonly #live: Live;
  readonly #clientele: LoggedClientele;
  readonly #station: Station;
  readonly #unsubscribe: () => void;
  #lookedAt = Number.NEGATIVE_INFINITY;
  /** Reads where the device hears its peers. */
  look: () => Promise<unknown> = async () => {};

  constructor({ kernelAt, forgetKernel, file, report, ...options }: OwnRelayOptions) {
    const { live, observations } = options;
    this.#live = live;
    this.#clientele = new LoggedClientele(SERVER_PEER, options);
    this.#station = new Station({
      clientele: this.#clientele,
      kernelAt,
      forgetKernel,
      file,
      onMailbox: (peer, isOpen) => observations.meetAt(peer, SERVER_PEER, isOpen),
      onClaim: () => this.#look(),
      onTrouble: (error) => report('this server is no relay now', error),
    });
    this.#unsubscribe = observations.onChange(({ id }) =>
      this.#station.place(id, this.#clientele.placeOf(id)),
    );
  }

  /** A port that is taken is a warning. */
  start(): Promise<void> {
    return this.#station.turnTo(portOf(this.#live.network));
  }

  /** Ends what the commit ends in the same turn. */
  follow({ changes, deltas }: Step): void {
    if (changes.peers.size + changes.sight.length + deltas.length === 0) return;
    this.#clientele.forgetSights();
    const port = portOf(this.#live.network);
    if (port === this.#station.port) this.#station.level();
    else void this.#station.turnTo(port);
  }

  indicesOf(peer: PeerId, other: PeerId): { own: number; others: number } | undefined {
    return this.#station.indicesOf(peer, other);
  }

  /** Undefined: it is no relay, or cannot be one now. */
  get counts(): Station['counts'] {
    return this.#station.counts;
  }

  /** What the kernel has goes on, as the tunnels do. */
  close(): Promise<void> {
    this.#unsubscribe();
    return this.#station.close();
  }

  #look(): void {
    const now = performance.now();
    if (now - this.#lookedAt < MIN_LOOK_MS) return;
    this.#lookedAt = now;
    void this.look().catch(() => {});
  }
}

const portOf = (network: Network): number | undefined =>
  network.relays().find(({ peer }) => peer.id === SERVER_PEER)?.port;

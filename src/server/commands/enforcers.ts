/** Records what the programs of peers know of limits and phones, as their streams say, where the network has any. */
import type { Network } from '../../domain/network.ts';
import { type Word, wordOf } from '../../domain/views.ts';
import type { PeerId } from '../../values/id.ts';
import type { Live } from '../live/live.ts';
import type { ControlPlane } from './control-plane.ts';

/** Between looks; a commit that limits, or adds a phone, is followed by one at once. */
const LOOK_EVERY_MS = 500;
/** In one command. */
const MAX_AT_ONCE = 1000;

/** `limits` of a peer, by the word of its program. */
const SAID: { readonly [W in Word]: boolean | null } = { old: null, plain: false, limits: true };

type Said = { readonly peerId: PeerId; readonly word: Word; readonly isProved: boolean };

export class Enforcers {
  readonly #live: Pick<Live, 'network' | 'subscribe'>;
  readonly #plane: Pick<ControlPlane, 'execute'>;
  readonly #streams: { members(): Iterable<Said> };
  readonly #report: (trouble: string, error: unknown) => void;
  readonly #timer: NodeJS.Timeout;
  readonly #unsubscribe: () => void;
  #isBusy = false;

  constructor(
    live: Pick<Live, 'network' | 'subscribe'>,
    plane: Pick<ControlPlane, 'execute'>,
    streams: { members(): Iterable<Said> },
    report: (trouble: string, error: unknown) => void,
  ) {
    this.#live = live;
    this.#plane = plane;
    this.#streams = streams;
    this.#report = report;
    this.#timer = setInterval(() => void this.#look(), LOOK_EVERY_MS);
    this.#unsubscribe = live.subscribe(() => void this.#look());
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#unsubscribe();
  }

  async #look(): Promise<void> {
    const { network } = this.#live;
    if (this.#isBusy || !(network.isAnythingLimited || network.hasPlainPeers)) return;
    const said = newsIn(network, this.#streams.members());
    if (said.length === 0) return;
    this.#isBusy = true;
    try {
      await this.#plane.execute({ type: 'RecordEnforcers', said }, { actor: { kind: 'server' } });
    } catch (error) {
      this.#report('what programs of peers know could not be recorded', error);
    } finally {
      this.#isBusy = false;
    }
  }
}

/** Of a peer's streams a proved one, that came last. */
const newsIn = (network: Network, members: Iterable<Said>): { peerId: PeerId; limits: boolean | null }[] => {
  const words = new Map<PeerId, Word>();
  for (const { peerId, word, isProved } of members)
    if (isProved || !words.has(peerId)) words.set(peerId, word);
  const news = [...words].filter(([id, word]) => {
    const peer = network.peer(id);
    return peer !== undefined && wordOf(peer, 'limits') !== word;
  });
  return news.slice(0, MAX_AT_ONCE).map(([peerId, word]) => ({ peerId, limits: SAID[word] }));
};

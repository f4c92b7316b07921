/** Tells the server this machine's ways while an admin looks: at first all, then what changes. */
import { type ClientFrame, MAX_WAYS, type WayRow } from '../../protocol/frames.ts';
import type { PeerId } from '../../values/id.ts';
import type { WayReport } from '../tunnels/device-keeper.ts';

const LOOK_EVERY_MS = 1000;

export class WayTeller {
  readonly #standing: () => WayReport[];
  readonly #send: (frame: ClientFrame) => void;
  readonly #told = new Map<PeerId, string>();
  #until = 0;
  #looking: NodeJS.Timeout | undefined;

  constructor(standing: () => WayReport[], send: (frame: ClientFrame) => void) {
    this.#standing = standing;
    this.#send = send;
  }

  begin(seconds: number): void {
    this.#until = performance.now() + seconds * 1000;
    this.#told.clear();
    this.#tell(true);
    clearInterval(this.#looking);
    this.#looking = setInterval(() => this.#look(), LOOK_EVERY_MS).unref();
  }

  close(): void {
    clearInterval(this.#looking);
  }

  #look(): void {
    if (performance.now() > this.#until) this.close();
    else this.#tell(false);
  }

  /** `isAnswer`: also without news. */
  #tell(isAnswer: boolean): void {
    const rows = this.#standing().map(rowOf);
    const standing = new Set(rows.map(({ id }) => id));
    const gone = [...this.#told.keys()].filter((id) => !standing.has(id));
    const changed = rows.filter((row) => this.#told.get(row.id) !== JSON.stringify(row));
    const news = [...changed, ...gone.map((id): WayRow => ({ id, way: 'none' }))];
    for (const row of changed) this.#told.set(row.id, JSON.stringify(row));
    for (const id of gone) this.#told.delete(id);
    for (let at = 0; at < news.length || (isAnswer && at === 0); at += MAX_WAYS)
      this.#send({ kind: 'ways', peers: news.slice(at, at + MAX_WAYS) });
  }
}

const rowOf = ({ id, way, relay, reason }: WayReport): WayRow => ({
  ...{ id, way },
  ...(relay === null ? {} : { relay }),
  ...(reason === null ? {} : { reason }),
});

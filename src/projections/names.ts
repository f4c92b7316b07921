/** The names of peers and CIDRs at a position of the log. */
import type { LogQueries, NamedKind, NameSpan } from '../store/queries.ts';
import type { Position } from '../values/id.ts';

/** Cache limit: memory stays flat over a long history. */
const MAX_KEPT = 131_072;

export class NamesAt {
  readonly #queries: Pick<LogQueries, 'namesOf'>;
  readonly #known = new Map<string, readonly NameSpan[]>();
  #kept = 0;
  /** The last position asked: a reader going back wants earlier names next. */
  #last: Position = 0;

  constructor(queries: Pick<LogQueries, 'namesOf'>) {
    this.#queries = queries;
  }

  /** The thing's name right after the event at a position; undefined before it had one. */
  nameOf(kind: NamedKind, id: number, position: Position): string | undefined {
    const key = `${kind} ${id}`;
    const isThen = ({ from, until }: NameSpan): boolean => from <= position && position < until;
    const known = this.#known.get(key);
    const found = known?.find(isThen);
    if (found) return found.name;
    const direction = position < this.#last ? 'back' : 'onward';
    const spans = this.#queries.namesOf({ kind, id }, position, direction);
    this.#last = position;
    this.#keep(key, spans, known?.length ?? 0);
    return spans.find(isThen)?.name;
  }

  #keep(key: string, spans: readonly NameSpan[], instead: number): void {
    this.#kept += spans.length - instead;
    if (this.#kept > MAX_KEPT) {
      this.#known.clear();
      this.#kept = spans.length;
    }
    this.#known.set(key, spans);
  }
}

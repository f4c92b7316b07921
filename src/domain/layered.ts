/** Maps and sets over others: changes stay in the upper layer, the lower one is only read. */

export interface Mapping<K, V> extends Iterable<[K, V]> {
  readonly size: number;
  get(key: K): V | undefined;
  has(key: K): boolean;
  set(key: K, value: V): unknown;
  delete(key: K): boolean;
  keys(): Iterable<K>;
  values(): Iterable<V>;
}

export interface Collection<V> extends Iterable<V> {
  readonly size: number;
  has(value: V): boolean;
  add(value: V): unknown;
  delete(value: V): boolean;
}

type Below<K> = { has(key: K): boolean; readonly size: number; walk(): Iterable<K> };

/** Ordered as in a copy of the lower layer after the same changes. */
class Keys<K> {
  readonly #below: Below<K>;
  readonly #added = new Set<K>();
  readonly #gone = new Set<K>();

  constructor(below: Below<K>) {
    this.#below = below;
  }

  get size(): number {
    return this.#below.size - this.#gone.size + this.#added.size;
  }

  isBelow(key: K): boolean {
    return this.#below.has(key) && !this.#gone.has(key);
  }

  has(key: K): boolean {
    return this.#added.has(key) || this.isBelow(key);
  }

  add(key: K): void {
    if (!this.isBelow(key)) this.#added.add(key);
  }

  delete(key: K): boolean {
    if (this.#added.delete(key)) return true;
    if (!this.isBelow(key)) return false;
    this.#gone.add(key);
    return true;
  }

  *walk(): Generator<K> {
    for (const key of this.#below.walk()) if (!this.#gone.has(key)) yield key;
    yield* this.#added;
  }
}

/** The lower map must not change meanwhile. */
class LayeredMap<K, V> implements Mapping<K, V> {
  readonly #below: Mapping<K, V>;
  /** Layers each value that is changed in place. */
  readonly #over: (value: V) => V;
  readonly #keys: Keys<K>;
  readonly #own = new Map<K, V>();

  constructor(below: Mapping<K, V>, over: (value: V) => V = (value) => value) {
    this.#below = below;
    this.#over = over;
    this.#keys = new Keys({ has: (key) => below.has(key), size: below.size, walk: () => below.keys() });
  }

  get size(): number {
    return this.#keys.size;
  }

  has(key: K): boolean {
    return this.#keys.has(key);
  }

  get(key: K): V | undefined {
    if (this.#own.has(key)) return this.#own.get(key);
    const below = this.#keys.isBelow(key) ? this.#below.get(key) : undefined;
    if (below === undefined) return undefined;
    const value = this.#over(below);
    if (value !== below) this.#own.set(key, value);
    return value;
  }

  set(key: K, value: V): void {
    this.#keys.add(key);
    this.#own.set(key, value);
  }

  delete(key: K): boolean {
    this.#own.delete(key);
    return this.#keys.delete(key);
  }

  keys(): Generator<K> {
    return this.#keys.walk();
  }

  *values(): Generator<V> {
    for (const [, value] of this) yield value;
  }

  *[Symbol.iterator](): Generator<[K, V]> {
    for (const key of this.#keys.walk()) yield [key, this.get(key) as V];
  }
}

/** The lower set must not change meanwhile. */
class LayeredSet<V> implements Collection<V> {
  readonly #keys: Keys<V>;

  constructor(below: Collection<V>) {
    this.#keys = new Keys({ has: (value) => below.has(value), size: below.size, walk: () => below });
  }

  get size(): number {
    return this.#keys.size;
  }

  has(value: V): boolean {
    return this.#keys.has(value);
  }

  add(value: V): void {
    this.#keys.add(value);
  }

  delete(value: V): boolean {
    return this.#keys.delete(value);
  }

  [Symbol.iterator](): Generator<V> {
    return this.#keys.walk();
  }
}

/** A layer over a map, or a new map where there is none to lie over. */
export const mapOver = <K, V>(below: Mapping<K, V> | undefined, over?: (value: V) => V): Mapping<K, V> =>
  below ? new LayeredMap(below, over) : new Map();

/** A layer over a set, or a new set where there is none to lie over. */
export const setOver = <V>(below: Collection<V> | undefined): Collection<V> =>
  below ? new LayeredSet(below) : new Set();

/** Adds a value to the set that a map holds under a key. */
export const put = <K, V>(map: Mapping<K, Collection<V>>, key: K, value: V): void => {
  const known = map.get(key);
  if (known) known.add(value);
  else map.set(key, new Set([value]));
};

/** Takes a value out of the set that a map holds under a key, and an empty set out of the map. */
export const drop = <K, V>(map: Mapping<K, Collection<V>>, key: K, value: V): void => {
  const known = map.get(key);
  known?.delete(value);
  if (known?.size === 0) map.delete(key);
};

/** The CIDRs of a network: a tree of named blocks. */
import type { CidrId } from '../values/id.ts';
import type { Cidr } from '../values/ip.ts';
import { type Collection, drop, type Mapping, mapOver, put, setOver } from './layered.ts';

export type CidrNode = {
  readonly id: CidrId;
  readonly name: string;
  readonly cidr: Cidr;
  readonly parentId: CidrId | null;
  /** Its own peers do not see each other by being in it. */
  readonly isIsolated?: true | undefined;
};

export class CidrTree {
  readonly #nodes: Mapping<CidrId, CidrNode>;
  readonly #byName: Mapping<string, CidrId>;
  readonly #childrenOf: Mapping<CidrId, Collection<CidrId>>;
  readonly #isolated: Collection<CidrId>;
  #nextId: number;

  constructor(below?: CidrTree) {
    this.#nodes = mapOver(below ? below.#nodes : undefined);
    this.#byName = mapOver(below ? below.#byName : undefined);
    this.#childrenOf = mapOver(below ? below.#childrenOf : undefined, setOver);
    this.#isolated = setOver(below ? below.#isolated : undefined);
    this.#nextId = below ? below.#nextId : 1;
  }

  get nextId(): CidrId {
    return this.#nextId as CidrId;
  }

  all(): Iterable<CidrNode> {
    return this.#nodes.values();
  }

  get(id: CidrId): CidrNode | undefined {
    return this.#nodes.get(id);
  }

  named(name: string): CidrNode | undefined {
    const id = this.#byName.get(name);
    return id === undefined ? undefined : this.#nodes.get(id);
  }

  *childrenOf(id: CidrId): Generator<CidrNode> {
    for (const child of this.#childrenOf.get(id) ?? []) {
      const node = this.#nodes.get(child);
      if (node) yield node;
    }
  }

  hasChildren(id: CidrId): boolean {
    return this.#childrenOf.has(id);
  }

  add(node: CidrNode): void {
    this.#nodes.set(node.id, node);
    this.#byName.set(node.name, node.id);
    if (node.isIsolated) this.#isolated.add(node.id);
    if (node.parentId !== null) put(this.#childrenOf, node.parentId, node.id);
    this.#nextId = Math.max(this.#nextId, node.id + 1);
  }

  rename(id: CidrId, name: string): void {
    const node = this.#nodes.get(id);
    if (!node) return;
    this.#byName.delete(node.name);
    this.#byName.set(name, id);
    this.#nodes.set(id, { ...node, name });
  }

  isolate(id: CidrId, isIsolated: boolean): void {
    const node = this.#nodes.get(id);
    if (!node) return;
    const { isIsolated: _, ...open } = node;
    this.#nodes.set(id, isIsolated ? { ...open, isIsolated } : open);
    if (isIsolated) this.#isolated.add(id);
    else this.#isolated.delete(id);
  }

  get isAnyIsolated(): boolean {
    return this.#isolated.size > 0;
  }

  delete(id: CidrId): void {
    const node = this.#nodes.get(id);
    if (!node) return;
    this.#nodes.delete(id);
    this.#byName.delete(node.name);
    this.#isolated.delete(id);
    if (node.parentId !== null) drop(this.#childrenOf, node.parentId, id);
  }

  skipTo(nextId: number): void {
    this.#nextId = nextId;
  }
}

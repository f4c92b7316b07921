/** The associations of a network: which CIDRs were let see each other. */
import type { AssociationId, CidrId } from '../values/id.ts';
import type { Opening } from '../values/opening.ts';
import { type Collection, type Mapping, mapOver, setOver } from './layered.ts';

export type Association = {
  readonly id: AssociationId;
  readonly cidrIds: readonly [CidrId, CidrId];
  /** All that may be begun over it; absent: everything, both ways. */
  readonly allow?: readonly Opening[] | undefined;
};

export class AssociationGraph {
  readonly #associations: Mapping<AssociationId, Association>;
  readonly #links: Mapping<CidrId, Mapping<CidrId, AssociationId>>;
  readonly #limited: Collection<AssociationId>;
  #nextId: number;

  constructor(below?: AssociationGraph) {
    this.#associations = mapOver(below ? below.#associations : undefined);
    this.#links = mapOver(below ? below.#links : undefined, mapOver);
    this.#limited = setOver(below ? below.#limited : undefined);
    this.#nextId = below ? below.#nextId : 1;
  }

  get nextId(): AssociationId {
    return this.#nextId as AssociationId;
  }

  all(): Iterable<Association> {
    return this.#associations.values();
  }

  get(id: AssociationId): Association | undefined {
    return this.#associations.get(id);
  }

  between(left: CidrId, right: CidrId): Association | undefined {
    const id = this.#links.get(left)?.get(right);
    return id === undefined ? undefined : this.#associations.get(id);
  }

  of(id: CidrId): Iterable<CidrId> {
    return this.#links.get(id)?.keys() ?? [];
  }

  get isAnyLimited(): boolean {
    return this.#limited.size > 0;
  }

  /** Of the pair; an import may hold several. */
  *joining(left: CidrId, right: CidrId): Generator<Association> {
    for (const association of this.#associations.values())
      if (association.cidrIds.includes(left) && association.cidrIds.includes(right)) yield association;
  }

  /** `allow` undefined: everything. */
  limit(id: AssociationId, allow: readonly Opening[] | undefined): void {
    const association = this.#associations.get(id);
    if (!association) return;
    const { allow: _, ...whole } = association;
    this.#associations.set(id, allow ? { ...whole, allow } : whole);
    if (allow) this.#limited.add(id);
    else this.#limited.delete(id);
  }

  add(association: Association): void {
    const [left, right] = association.cidrIds;
    this.#associations.set(association.id, association);
    if (association.allow) this.#limited.add(association.id);
    this.#link(left, right, association.id);
    this.#link(right, left, association.id);
    this.#nextId = Math.max(this.#nextId, association.id + 1);
  }

  delete(id: AssociationId): void {
    const association = this.#associations.get(id);
    if (!association) return;
    const [left, right] = association.cidrIds;
    this.#associations.delete(id);
    this.#limited.delete(id);
    this.#links.get(left)?.delete(right);
    this.#links.get(right)?.delete(left);
    const twin = this.#twinOf(association);
    if (twin) this.add(twin);
  }

  skipTo(nextId: number): void {
    this.#nextId = nextId;
  }

  #link(from: CidrId, to: CidrId, id: AssociationId): void {
    const links = this.#links.get(from);
    if (links) links.set(to, id);
    else this.#links.set(from, new Map([[to, id]]));
  }

  /** Another association of the same pair; an import may hold one. */
  #twinOf({ cidrIds: [left, right] }: Association): Association | undefined {
    const [twin] = this.joining(left, right);
    return twin;
  }
}

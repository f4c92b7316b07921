/** The associations of a network: which CIDRs were let see each other. */
import type { AssociationId, CidrId } from '../values/id.ts';
import { type Mapping, mapOver } from './layered.ts';

export type Association = { readonly id: AssociationId; readonly cidrIds: readonly [CidrId, CidrId] };

export class AssociationGraph {
  readonly #associations: Mapping<AssociationId, Association>;
  readonly #links: Mapping<CidrId, Mapping<CidrId, AssociationId>>;
  #nextId: number;

  constructor(below?: AssociationGraph) {
    this.#associations = mapOver(below ? below.#associations : undefined);
    this.#links = mapOver(below ? below.#links : undefined, mapOver);
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

  add(association: Association): void {
    const [left, right] = association.cidrIds;
    this.#associations.set(association.id, association);
    this.#link(left, right, association.id);
    this.#link(right, left, association.id);
    this.#nextId = Math.max(this.#nextId, association.id + 1);
  }

  delete(id: AssociationId): void {
    const association = this.#associations.get(id);
    if (!association) return;
    const [left, right] = association.cidrIds;
    this.#associations.delete(id);
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
    for (const other of this.#associations.values())
      if (other.cidrIds.includes(left) && other.cidrIds.includes(right)) return other;
    return undefined;
  }
}

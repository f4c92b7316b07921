/** Rules of associations: two different CIDRs below the root, a pair once, in either order; and of their limits. */
import type { EventOf } from '../events/schema.ts';
import { type AssociationId, ROOT_CIDR } from '../values/id.ts';
import type { Opening } from '../values/opening.ts';
import type { Association } from './association-graph.ts';
import type { CidrNode } from './cidr-tree.ts';
import { findCidr } from './cidrs.ts';
import type { CidrRef, CommandOf } from './command.ts';
import { accept, type Decision, type Rule, reject } from './decision.ts';
import { isServers } from './limits.ts';
import type { Network } from './network.ts';
import type { Rejection } from './rejection.ts';

type Ends = readonly [CidrNode, CidrNode];
type Asked = CommandOf<'LimitAssociation'>['allow'];

/** A result, or why there is none. */
type Or<T> = { value: T } | { rejection: Rejection };

const endsOf = (network: Network, [leftRef, rightRef]: readonly [CidrRef, CidrRef]): Or<Ends> => {
  const left = findCidr(network, leftRef);
  const right = findCidr(network, rightRef);
  if (!left) return { rejection: { code: 'UnknownCidr', cidr: leftRef } };
  if (!right) return { rejection: { code: 'UnknownCidr', cidr: rightRef } };
  return { value: [left, right] };
};

/** Each opening begins at one of the two. */
const openingsOf = (network: Network, ends: Ends, asked: Asked): Or<Opening[]> => {
  const server = ends.find(({ id }) => isServers(network, id));
  if (server) return { rejection: { code: 'ServerNotLimitable', name: server.name } };
  const allow: Opening[] = [];
  for (const { from: ref, ...what } of asked) {
    const from = findCidr(network, ref);
    if (!from) return { rejection: { code: 'UnknownCidr', cidr: ref } };
    if (!ends.some(({ id }) => id === from.id))
      return { rejection: { code: 'OpeningElsewhere', name: from.name, names: namesOf(ends) } };
    allow.push({ from: from.id, ...what });
  }
  return { value: allow };
};

const namesOf = ([left, right]: Ends): [string, string] => [left.name, right.name];

export const addAssociation: Rule<'AddAssociation'> = (network, { cidrs, allow: asked }) => {
  const ends = endsOf(network, cidrs);
  if ('rejection' in ends) return reject(ends.rejection);
  const [left, right] = ends.value;
  if (left.id === right.id) return reject({ code: 'SameCidr', name: left.name });
  for (const node of [left, right]) {
    if (node.id === ROOT_CIDR) return reject({ code: 'RootNotAssociable', name: node.name });
  }
  if (network.associationBetween(left.id, right.id)) {
    return reject({ code: 'AssociationExists', names: [left.name, right.name] });
  }
  const associationId = network.nextIds.association;
  const added: EventOf<'AssociationAdded'> = {
    type: 'AssociationAdded',
    associationId,
    cidrIds: [left.id, right.id],
  };
  if (asked === undefined) return accept(added);
  const allow = openingsOf(network, ends.value, asked);
  if ('rejection' in allow) return reject(allow.rejection);
  return accept(added, limited(associationId, allow.value));
};

/** An import may have associated a pair twice. */
const joiningOf = (network: Network, ends: Ends): Or<Association[]> => {
  const [left, right] = ends;
  const found = left.id === right.id ? [] : [...network.associationsJoining(left.id, right.id)];
  return found.length > 0
    ? { value: found }
    : { rejection: { code: 'UnknownAssociation', names: namesOf(ends) } };
};

const joinedBy = (
  network: Network,
  cidrs: readonly [CidrRef, CidrRef],
  then: (associations: readonly Association[], ends: Ends) => Decision,
): Decision => {
  const ends = endsOf(network, cidrs);
  if ('rejection' in ends) return reject(ends.rejection);
  const found = joiningOf(network, ends.value);
  return 'rejection' in found ? reject(found.rejection) : then(found.value, ends.value);
};

export const deleteAssociation: Rule<'DeleteAssociation'> = (network, { cidrs }) => {
  const ends = endsOf(network, cidrs);
  if ('rejection' in ends) return reject(ends.rejection);
  const [left, right] = ends.value;
  const association = network.associationBetween(left.id, right.id);
  if (!association) return reject({ code: 'UnknownAssociation', names: namesOf(ends.value) });
  return accept({ type: 'AssociationDeleted', associationId: association.id });
};

const limited = (associationId: AssociationId, allow: Opening[]): EventOf<'AssociationLimited'> => ({
  type: 'AssociationLimited',
  associationId,
  allow,
});

const unlimited = (associationId: AssociationId): EventOf<'AssociationUnlimited'> => ({
  type: 'AssociationUnlimited',
  associationId,
});

const isSame = (left: readonly Opening[] | undefined, right: readonly Opening[]): boolean =>
  JSON.stringify(left) === JSON.stringify(right);

export const limitAssociation: Rule<'LimitAssociation'> = (network, { cidrs, allow: asked }) =>
  joinedBy(network, cidrs, (associations, ends) => {
    const allow = openingsOf(network, ends, asked);
    if ('rejection' in allow) return reject(allow.rejection);
    const others = associations.filter((association) => !isSame(association.allow, allow.value));
    return accept(...others.map(({ id }) => limited(id, allow.value)));
  });

export const unlimitAssociation: Rule<'UnlimitAssociation'> = (network, { cidrs }) =>
  joinedBy(network, cidrs, (associations) =>
    accept(...associations.filter(({ allow }) => allow !== undefined).map(({ id }) => unlimited(id))),
  );

/** Rules of associations: two different CIDRs below the root, a pair once, in either order. */
import { ROOT_CIDR } from '../values/id.ts';
import { findCidr } from './cidrs.ts';
import { accept, type Rule, reject } from './decision.ts';

export const addAssociation: Rule<'AddAssociation'> = (network, { cidrs: [leftRef, rightRef] }) => {
  const left = findCidr(network, leftRef);
  const right = findCidr(network, rightRef);
  if (!left) return reject({ code: 'UnknownCidr', cidr: leftRef });
  if (!right) return reject({ code: 'UnknownCidr', cidr: rightRef });
  if (left.id === right.id) return reject({ code: 'SameCidr', name: left.name });
  for (const node of [left, right]) {
    if (node.id === ROOT_CIDR) return reject({ code: 'RootNotAssociable', name: node.name });
  }
  if (network.associationBetween(left.id, right.id)) {
    return reject({ code: 'AssociationExists', names: [left.name, right.name] });
  }
  const associationId = network.nextIds.association;
  return accept({ type: 'AssociationAdded', associationId, cidrIds: [left.id, right.id] });
};

export const deleteAssociation: Rule<'DeleteAssociation'> = (network, { cidrs: [leftRef, rightRef] }) => {
  const left = findCidr(network, leftRef);
  const right = findCidr(network, rightRef);
  if (!left) return reject({ code: 'UnknownCidr', cidr: leftRef });
  if (!right) return reject({ code: 'UnknownCidr', cidr: rightRef });
  const association = network.associationBetween(left.id, right.id);
  if (!association) return reject({ code: 'UnknownAssociation', names: [left.name, right.name] });
  return accept({ type: 'AssociationDeleted', associationId: association.id });
};

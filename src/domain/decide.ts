/** From a command to events or a refusal: who may ask, then the command's own rule. */
import { actingPeer } from '../events/actor.ts';
import type { NetworkEvent } from '../events/schema.ts';
import { ROOT_CIDR } from '../values/id.ts';
import { isServersOwn } from './askers.ts';
import { addAssociation, deleteAssociation, limitAssociation, unlimitAssociation } from './associations.ts';
import { addCidr, deleteCidr, isolateCidr, renameCidr, unisolateCidr } from './cidrs.ts';
import type { Command, CommandOf, CommandType } from './command.ts';
import { createNetwork } from './creation.ts';
import { accept, type Context, type Decision, type Rule, reject } from './decision.ts';
import { recordEnforcers } from './enforcers.ts';
import { expirePeers, setDefaultExpiry, setExpiry } from './expiry.ts';
import { expireInvitations, redeemInvitation, reissueInvitation, revokeInvitation } from './invitations.ts';
import type { Network } from './network.ts';
import {
  addPeer,
  changeServerEndpoint,
  clearEndpointOverride,
  deletePeer,
  disablePeer,
  enablePeer,
  grantAdmin,
  renamePeer,
  revokeAdmin,
  setEndpointOverride,
} from './peers.ts';
import { addPlainPeer, rekeyPlainPeer, routePlainPeer } from './plain-peers.ts';
import { isOwnReport, needsProof, recordProofs, requireProof, waiveProof } from './proofs.ts';
import { clearRelay, setRelay } from './relays.ts';
import {
  addRoute,
  addRouter,
  closeRoute,
  deleteRoute,
  openRoute,
  rankRouter,
  removeRouter,
  renameRoute,
} from './route-rules.ts';
import { dismissStandby, nameStandby, promoteStandby, setQuestionKey } from './standbys.ts';

/** Decides in order on a draft: each sees the effect of the earlier ones; one refusal refuses all. */
const allOf: Rule<'AllOf'> = (network, { commands, at, reverts, returnsTo }, context) => {
  if (at !== undefined && at !== network.position)
    return reject({ code: 'PlanOutdated', planned: at, position: network.position });
  const draft = commands.length === 1 ? network : network.draft();
  const events: NetworkEvent[] = [];
  for (const command of commands) {
    const decision = decide(draft, command, context);
    if (!decision.accepted) return decision;
    if (draft !== network) for (const event of decision.events) draft.evolve(event);
    events.push(...decision.events);
  }
  if (reverts === undefined) return accept(...events);
  const undoing = { reverts, ...(returnsTo === undefined ? {} : { returnsTo }) };
  return accept(...events.map((event) => ({ ...event, ...undoing })));
};

const RULES: { [T in CommandType]: Rule<T> } = {
  CreateNetwork: createNetwork,
  ExpireInvitations: expireInvitations,
  ExpirePeers: expirePeers,
  RedeemInvitation: redeemInvitation,
  AddCidr: addCidr,
  RenameCidr: renameCidr,
  DeleteCidr: deleteCidr,
  AddPeer: addPeer,
  RenamePeer: renamePeer,
  DisablePeer: disablePeer,
  EnablePeer: enablePeer,
  SetExpiry: setExpiry,
  SetDefaultExpiry: setDefaultExpiry,
  DeletePeer: deletePeer,
  GrantAdmin: grantAdmin,
  RevokeAdmin: revokeAdmin,
  ReissueInvitation: reissueInvitation,
  RevokeInvitation: revokeInvitation,
  SetEndpointOverride: setEndpointOverride,
  ClearEndpointOverride: clearEndpointOverride,
  ChangeServerEndpoint: changeServerEndpoint,
  AddAssociation: addAssociation,
  DeleteAssociation: deleteAssociation,
  LimitAssociation: limitAssociation,
  UnlimitAssociation: unlimitAssociation,
  IsolateCidr: isolateCidr,
  UnisolateCidr: unisolateCidr,
  SetRelay: setRelay,
  ClearRelay: clearRelay,
  AddPlainPeer: addPlainPeer,
  RoutePlainPeer: routePlainPeer,
  RekeyPlainPeer: rekeyPlainPeer,
  AddRoute: addRoute,
  RenameRoute: renameRoute,
  DeleteRoute: deleteRoute,
  AddRouter: addRouter,
  RankRouter: rankRouter,
  RemoveRouter: removeRouter,
  OpenRoute: openRoute,
  CloseRoute: closeRoute,
  RequireProof: requireProof,
  WaiveProof: waiveProof,
  RecordProofs: recordProofs,
  RecordEnforcers: recordEnforcers,
  NameStandby: nameStandby,
  DismissStandby: dismissStandby,
  SetQuestionKey: setQuestionKey,
  PromoteStandby: promoteStandby,
  AllOf: allOf,
};

/** A peer may report its own endpoint; all else takes an enabled, redeemed admin. */
const mayAsk = (network: Network, command: Command, { actor }: Context): boolean => {
  if (command.type === 'RedeemInvitation') return true;
  const peerId = actingPeer(actor);
  if (peerId === undefined) return true;
  if (isServersOwn(command.type)) return false;
  const asker = network.peer(peerId);
  if (!asker?.isRedeemed || asker.isDisabled) return false;
  return asker.isAdmin || isOwnReport(network, command, asker);
};

/** Pure: the same network, command and context give the same decision. */
export const decide = <T extends CommandType>(
  network: Network,
  command: CommandOf<T>,
  context: Context,
): Decision => {
  if (command.type !== 'CreateNetwork' && !network.cidr(ROOT_CIDR)) return reject({ code: 'NoNetwork' });
  if (!mayAsk(network, command, context)) return reject({ code: 'NotAllowed', command: command.type });
  const unproved = needsProof(network, command, context);
  if (unproved) return reject({ code: 'ProofNeeded', name: unproved.name, command: command.type });
  return (RULES[command.type] as Rule<T>)(network, command, context);
};

/** Who may do what: any admin, an admin with a proof by key, or the server alone. */
import type { CommandType } from './command.ts';

/** Peers may also redeem their invitation and report their endpoint: see proofs.ts. */
type Asker = 'admin' | 'provedAdmin' | 'server';

const ASKERS: { [T in CommandType]: [asker: Asker, deed: string] } = {
  CreateNetwork: ['server', 'create a network'],
  ExpireInvitations: ['server', 'end invitations'],
  ExpirePeers: ['server', 'cut off the peers whose time is over'],
  RecordProofs: ['server', 'record whose key has proved itself'],
  RecordEnforcers: ['server', 'record whose program keeps to limits'],
  RequireProof: ['provedAdmin', 'require proofs by key'],
  WaiveProof: ['provedAdmin', 'waive proofs by key'],
  RedeemInvitation: ['admin', 'redeem an invitation'],
  AddCidr: ['admin', 'add a CIDR'],
  RenameCidr: ['admin', 'rename a CIDR'],
  DeleteCidr: ['admin', 'delete a CIDR'],
  AddPeer: ['admin', 'add a peer'],
  RenamePeer: ['admin', 'rename a peer'],
  DisablePeer: ['admin', 'disable a peer'],
  EnablePeer: ['admin', 'enable a peer'],
  SetExpiry: ['admin', 'set when a peer ends'],
  SetDefaultExpiry: ['admin', 'set when new peers end'],
  DeletePeer: ['admin', 'delete a peer'],
  GrantAdmin: ['admin', 'make a peer an admin'],
  RevokeAdmin: ['admin', 'take the admin role from a peer'],
  ReissueInvitation: ['admin', 'reissue an invitation'],
  RevokeInvitation: ['admin', 'revoke an invitation'],
  SetEndpointOverride: ['admin', "set another peer's endpoint"],
  ClearEndpointOverride: ['admin', "clear another peer's endpoint"],
  ChangeServerEndpoint: ['admin', "change the server's endpoint"],
  AddAssociation: ['admin', 'add an association'],
  DeleteAssociation: ['admin', 'delete an association'],
  LimitAssociation: ['admin', 'limit an association'],
  UnlimitAssociation: ['admin', 'lift the limit of an association'],
  IsolateCidr: ['admin', 'isolate the peers of a CIDR'],
  UnisolateCidr: ['admin', 'end the isolation of a CIDR'],
  SetRelay: ['admin', 'make a peer a relay'],
  ClearRelay: ['admin', 'end a relay'],
  AddPlainPeer: ['admin', 'add a phone'],
  RoutePlainPeer: ['admin', 'choose the router of a phone'],
  RekeyPlainPeer: ['admin', 'give a phone another key'],
  NameStandby: ['admin', 'name a standby'],
  DismissStandby: ['admin', 'dismiss a standby'],
  SetQuestionKey: ['server', 'set the key by which a standby asks whether the server still stands'],
  PromoteStandby: ['server', 'let a standby take over'],
  AddRoute: ['admin', 'add a route'],
  RenameRoute: ['admin', 'rename a route'],
  DeleteRoute: ['admin', 'delete a route'],
  AddRouter: ['admin', 'let a peer carry a route'],
  RankRouter: ['admin', 'rank the routers of a route'],
  RemoveRouter: ['admin', 'take a route from a router'],
  OpenRoute: ['admin', 'open a route'],
  CloseRoute: ['admin', 'close a route'],
  AllOf: ['admin', 'change several things at once'],
};

export const isServersOwn = (type: CommandType): boolean => ASKERS[type][0] === 'server';

/** These need a proof by key, whatever the network requires. */
export const isAboutProofs = (type: CommandType): boolean => ASKERS[type][0] === 'provedAdmin';

/** After "may": `rename a peer`. */
export const deedOf = (type: CommandType): string => ASKERS[type][1];

export const askersOf = (type: CommandType): string => {
  if (type === 'RedeemInvitation') return 'an invited peer';
  return isServersOwn(type) ? 'the server itself' : 'an enabled admin';
};

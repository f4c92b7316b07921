/** Who may give each command: any admin, an admin with a proof by key, or the server alone. */
import type { CommandType } from './command.ts';

/** Peers may also redeem their invitation and report their endpoint: see proofs.ts. */
type Asker = 'admin' | 'provedAdmin' | 'server';

const ASKER: { [T in CommandType]: Asker } = {
  CreateNetwork: 'server',
  ExpireInvitations: 'server',
  ExpirePeers: 'server',
  RecordProofs: 'server',
  RequireProof: 'provedAdmin',
  WaiveProof: 'provedAdmin',
  RedeemInvitation: 'admin',
  AddCidr: 'admin',
  RenameCidr: 'admin',
  DeleteCidr: 'admin',
  AddPeer: 'admin',
  RenamePeer: 'admin',
  DisablePeer: 'admin',
  EnablePeer: 'admin',
  SetExpiry: 'admin',
  SetDefaultExpiry: 'admin',
  DeletePeer: 'admin',
  GrantAdmin: 'admin',
  RevokeAdmin: 'admin',
  ReissueInvitation: 'admin',
  RevokeInvitation: 'admin',
  SetEndpointOverride: 'admin',
  ClearEndpointOverride: 'admin',
  ChangeServerEndpoint: 'admin',
  AddAssociation: 'admin',
  DeleteAssociation: 'admin',
  SetRelay: 'admin',
  ClearRelay: 'admin',
  AllOf: 'admin',
};

export const isServersOwn = (type: CommandType): boolean => ASKER[type] === 'server';

/** These need a proof by key, whatever the network requires. */
export const isAboutProofs = (type: CommandType): boolean => ASKER[type] === 'provedAdmin';

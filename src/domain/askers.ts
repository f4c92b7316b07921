/** Commands that are not for every admin: those that come from no peer, and those that a peer has to prove. */
import type { CommandType } from './command.ts';

/** The server's own. */
export const isServersOwn = (type: CommandType): boolean =>
  type === 'CreateNetwork' || type === 'ExpireInvitations' || type === 'RecordProofs';

/** A peer says these only with a proof by its key, whatever the network requires. */
export const isAboutProofs = (type: CommandType): boolean => type === 'RequireProof' || type === 'WaiveProof';

// Asking a control plane as the server's operator would, and what comes of it in few words.
import { Command } from '../../src/domain/command.ts';
import { Rejected } from '../../src/domain/rejection.ts';
import type { ControlPlane, Request } from '../../src/server/commands/control-plane.ts';
import { keyOf } from '../acme.ts';
import type { Asked } from '../given.ts';

export const OPERATOR = { kind: 'operator', uid: 0, user: 'ann' } as const;

export const ask = (plane: ControlPlane, asked: Asked, request: Partial<Request> = {}) =>
  plane.execute(Command.parse(asked), { actor: OPERATOR, ...request });

/** An invitation to the bakers; the key comes from its owner. */
export const addPeer = (name: string, owner = `${name}'s invitation`): Asked => ({
  type: 'AddPeer',
  name,
  cidr: 'bakers',
  isAdmin: false,
  publicKey: keyOf(owner),
  inviteExpires: null,
});

/** Asks all at the same moment: the code of each refusal, or `done`. */
export const attempts = (plane: ControlPlane, commands: readonly Asked[]): Promise<string[]> =>
  Promise.all(
    commands.map((command) =>
      ask(plane, command).then(
        () => 'done',
        (error: unknown) => (error instanceof Rejected ? error.rejection.code : String(error)),
      ),
    ),
  );

/** Makes an invitation: a temporary key pair, its public half for the network, a file with the other. */
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { basename } from 'node:path';
import type { AdminCommand } from '../domain/command.ts';
import { type Reservation, reserveFile } from '../machine/durable-file.ts';
import type { Outcome, Rehearsal } from '../protocol/commands.ts';
import { formatInvitation } from '../protocol/conf.ts';
import { SocketAddress } from '../values/endpoint.ts';
import { Failure } from '../values/failure.ts';
import { ROOT_CIDR } from '../values/id.ts';
import { type Cidr, Ip, prefixOf } from '../values/ip.ts';
import type { PublicKey } from '../values/key.ts';
import type { KeyPair } from '../values/key-pair.ts';
import { InterfaceName } from '../values/name.ts';
import { Timestamp } from '../values/time.ts';
import type { Executed, NetworkView, Plane } from './plane.ts';
import { answer } from './print.ts';
import { Usage } from './usage.ts';

const MAX_SPAN_SECONDS = 100 * 365 * 86_400;

/** When an invitation of so many seconds from now ends. */
export const endsAfter = (seconds: number): Timestamp => {
  if (seconds < 1 || seconds > MAX_SPAN_SECONDS)
    throw new Usage('--invite-expires: an invitation lasts from a second to a hundred years');
  return Timestamp.parse(new Date(Date.now() + seconds * 1000).toISOString());
};

export const STDOUT = '-';

export const stdoutAsFile: Reservation = {
  fill: async (text) => answer(text.trimEnd()),
  discard: async () => {},
};

export type Invited = {
  outcome: Executed;
  ip: Ip;
  file: string;
};

export type Invitation = {
  peer: string;
  file: string;
  expires: Timestamp;
  command: (publicKey: PublicKey) => AdminCommand;
};

export const addressIn = ({ events }: Outcome, view: NetworkView, peer: string): Ip => {
  const added = events.find(({ type }) => type === 'PeerAdded');
  if (added) return Ip.parse(added.ip);
  const known = view.peers.find(({ name }) => name === peer);
  if (!known) throw new Failure(`the network does not show the peer "${peer}" any more`);
  return known.ip;
};

export const untilSignal = async <T>(file: Reservation, work: () => Promise<T>): Promise<T> => {
  const leave = (_: NodeJS.Signals, number: number): void => {
    void file.discard().finally(() => process.exit(128 + number));
  };
  process.once('SIGINT', leave).once('SIGTERM', leave);
  try {
    return await work();
  } finally {
    process.off('SIGINT', leave).off('SIGTERM', leave);
  }
};

/** The curve takes longer to load than most verbs to run. */
export const newKeys = async (): Promise<KeyPair> => {
  const { keyPairFrom } = await import('../values/key-pair.ts');
  return keyPairFrom(randomBytes(32));
};

/** What inviting would do: no file is made, and the keys are thrown away. */
export const rehearseInvitation = async (
  plane: Plane,
  { command }: Pick<Invitation, 'command'>,
): Promise<Rehearsal> => plane.rehearse(command((await newKeys()).publicKey));

/**
 * Executes an inviting command and writes its file, which is reserved first, so that no invitation lacks one.
 * It is complete on the disk when this resolves, removed when this throws.
 */
export const invite = async (plane: Plane, invitation: Invitation): Promise<Invited> =>
  inviteInto(plane, invitation, async (publicKey) => {
    // A taken name is a better reason than an existing file.
    if (existsSync(invitation.file)) await plane.rehearse(invitation.command(publicKey));
    return invitation.file === STDOUT ? stdoutAsFile : reserveFile(invitation.file);
  });

/** The same into a file that `reserve` makes before the command is executed. */
export const inviteInto = async (
  plane: Plane,
  invitation: Invitation,
  reserve: (publicKey: PublicKey) => Promise<Reservation>,
): Promise<Invited> => {
  const { peer, expires, command } = invitation;
  const [view, server, keys] = await Promise.all([plane.view(), plane.server(), newKeys()]);
  const root = view.cidrs.find(({ id }) => id === ROOT_CIDR);
  if (!root) throw new Failure('the network does not show its range, which an invitation must name');
  const file = await reserve(keys.publicKey);
  return untilSignal(file, async () => {
    try {
      const outcome = await plane.execute(command(keys.publicKey));
      const ip = addressIn(outcome, view, peer);
      const conf = {
        networkName: InterfaceName.safeParse(view.name).data ?? InterfaceName.parse(plane.network),
        address: `${ip}/${prefixOf(root.cidr)}` as Cidr,
        privateKey: keys.privateKey,
        server: {
          ...server,
          internalEndpoint: SocketAddress.parse(server.internalEndpoint),
          // An older server has no history to hold the newcomer to.
          ...(outcome.position > 0
            ? { networkId: view.networkId, position: outcome.position, hash: outcome.hash }
            : {}),
          expires,
        },
        peerEndpointOverrides: new Map(),
      };
      await fill(
        file,
        formatInvitation(conf, peer, invitation.file === STDOUT ? `${peer}.toml` : basename(invitation.file)),
        invitation,
      );
      return { outcome, ip, file: invitation.file };
    } catch (error) {
      await file.discard();
      throw error;
    }
  });
};

const fill = async (file: Reservation, text: string, { peer, file: path }: Invitation): Promise<void> => {
  try {
    await file.fill(text);
  } catch (cause) {
    throw new Failure(`"${peer}" is invited, but ${path} could not be written: ${(cause as Error).message}`, {
      hint: 'give it a new invitation, into a file elsewhere: reissue-invitation with --save-config',
      cause,
    });
  }
};

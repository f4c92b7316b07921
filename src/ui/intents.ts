/** An intent of the page as the verb that one would type, and as a command. */
import { openingsOfWays } from '../cli/openings.ts';
import type { AdminCommand } from '../domain/command.ts';
import { shellOperands, shellWord } from '../domain/rejection.ts';
import type { Intent } from '../protocol/page.ts';
import type { PublicKey } from '../values/key.ts';
import { durationText } from '../values/time.ts';

export type Undo = Extract<Intent, { do: 'undo' | 'undo-since' }>;
export type Invite = Extract<Intent, { do: 'invite' }>;
/** Their keys are made at the commit. */
export type Phone = Extract<Intent, { do: 'add-phone' | 'rekey-phone' }>;
export type Plain = Exclude<Intent, Undo | Invite | Phone>;
type Limiting = Extract<Intent, { do: 'limit-association' }>;
type SingleCommand = Exclude<AdminCommand, { type: 'AllOf' }>;

/** `humans:tcp/22,80` for each way. */
const waysOf = ({ cidrs, allow }: Limiting): string[] =>
  cidrs.flatMap((cidr, at) =>
    (allow[at] ?? '')
      .split(/\s+/)
      .filter(Boolean)
      .map((way) => `${cidr}:${way}`),
  );

/** `confirmed`: also for the last admin. */
export const commandOf = (intent: Plain, confirmed: boolean): SingleCommand => {
  switch (intent.do) {
    case 'rename-peer':
      return { type: 'RenamePeer', peer: intent.peer, name: intent.name };
    case 'disable':
      return { type: 'DisablePeer', peer: intent.peer, confirmed };
    case 'enable': {
      const { peer, expiresSeconds: expires } = intent;
      return { type: 'EnablePeer', peer, ...(expires === undefined ? {} : { expires }) };
    }
    case 'delete-peer':
      return { type: 'DeletePeer', peer: intent.peer, confirmed };
    case 'grant-admin':
      return { type: 'GrantAdmin', peer: intent.peer };
    case 'revoke-admin':
      return { type: 'RevokeAdmin', peer: intent.peer, confirmed };
    case 'revoke-invitation':
      return { type: 'RevokeInvitation', peer: intent.peer };
    case 'add-cidr': {
      const { name, cidr, parent } = intent;
      return { type: 'AddCidr', name, cidr, ...(parent === undefined ? {} : { parent }) };
    }
    case 'rename-cidr':
      return { type: 'RenameCidr', cidr: intent.cidr, name: intent.name };
    case 'delete-cidr':
      return { type: 'DeleteCidr', cidr: intent.cidr };
    case 'associate':
      return { type: 'AddAssociation', cidrs: intent.cidrs };
    case 'end-association':
      return { type: 'DeleteAssociation', cidrs: intent.cidrs };
    case 'limit-association':
      return { type: 'LimitAssociation', cidrs: intent.cidrs, allow: openingsOfWays(waysOf(intent)) };
    case 'unlimit-association':
      return { type: 'UnlimitAssociation', cidrs: intent.cidrs };
    case 'isolate-cidr':
      return { type: 'IsolateCidr', cidr: intent.cidr };
    case 'unisolate-cidr':
      return { type: 'UnisolateCidr', cidr: intent.cidr };
  }
};

export const phoneCommandOf = (intent: Phone, publicKey: PublicKey): SingleCommand =>
  intent.do === 'add-phone'
    ? { type: 'AddPlainPeer', name: intent.name, cidr: intent.cidr, publicKey }
    : { type: 'RekeyPlainPeer', peer: intent.peer, publicKey };

/** What one types after the program; `flags` with their values. */
type Typed = { verb: string; operands: string[]; flags?: (readonly [flag: string, value?: string])[] };

const optional = (flag: string, value: string | undefined): [string, string][] =>
  value === undefined ? [] : [[flag, value]];

const spanOf = (seconds: number | undefined): string | undefined =>
  seconds === undefined ? undefined : durationText(seconds);

const typedOf = (intent: Intent): Typed => {
  switch (intent.do) {
    case 'invite': {
      const { name, cidr, ip, isAdmin = false, inviteExpiresSeconds: seconds } = intent;
      const address = ip === undefined ? (['--auto-ip'] as const) : (['--ip', ip] as const);
      const rest = optional('--invite-expires', spanOf(seconds));
      const flags = [['--cidr', cidr], address, ['--admin', String(isAdmin)], ...rest] as const;
      return { verb: 'add-peer', operands: [name], flags: [...flags] };
    }
    case 'rename-peer':
      return { verb: 'rename-peer', operands: [intent.peer, intent.name] };
    case 'disable':
      return { verb: 'disable-peer', operands: [intent.peer] };
    case 'enable': {
      const { peer, expiresSeconds: seconds } = intent;
      return { verb: 'enable-peer', operands: [peer], flags: optional('--expires', spanOf(seconds)) };
    }
    case 'delete-peer':
    case 'grant-admin':
    case 'revoke-admin':
    case 'revoke-invitation':
      return { verb: intent.do, operands: [intent.peer] };
    case 'add-cidr': {
      const { name, cidr, parent } = intent;
      return { verb: 'add-cidr', operands: [name, cidr], flags: optional('--parent', parent) };
    }
    case 'rename-cidr':
      return { verb: 'rename-cidr', operands: [intent.cidr, intent.name] };
    case 'delete-cidr':
      return { verb: 'delete-cidr', operands: [intent.cidr] };
    case 'associate':
      return { verb: 'add-association', operands: intent.cidrs };
    case 'end-association':
      return { verb: 'delete-association', operands: intent.cidrs };
    case 'limit-association': {
      const ways = waysOf(intent);
      const flags = (ways.length > 0 ? ways : ['none']).map((way) => ['--allow', way] as const);
      return { verb: intent.do, operands: intent.cidrs, flags };
    }
    case 'unlimit-association':
      return { verb: intent.do, operands: intent.cidrs };
    case 'isolate-cidr':
    case 'unisolate-cidr':
      return { verb: intent.do, operands: [intent.cidr] };
    case 'add-phone':
      return { verb: intent.do, operands: [intent.name], flags: [['--cidr', intent.cidr], ['--qr']] };
    case 'rekey-phone':
      return { verb: intent.do, operands: [intent.peer], flags: [['--qr']] };
    case 'undo':
      return { verb: 'revert', operands: [String(intent.position)] };
    case 'undo-since':
      return { verb: 'revert', operands: [], flags: [['--to', String(intent.position)]] };
  }
};

/** The whole line; `program` with its flags, such as `inn -c folder`. */
export const commandLineOf = (program: string, network: string, intent: Intent): string => {
  const { verb, operands, flags = [] } = typedOf(intent);
  const flagged = flags.map(([flag, value]) => (value === undefined ? flag : `${flag} ${shellWord(value)}`));
  const last = shellOperands(...operands);
  const words = last.startsWith('-- ') ? [...flagged, last] : [last, ...flagged];
  return [program, verb, shellWord(network), ...words].filter((word) => word !== '').join(' ');
};

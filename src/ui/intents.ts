/** An intent of the page as the verb that one would type, and as a command. */
import type { AdminCommand } from '../domain/command.ts';
import { shellWord } from '../domain/rejection.ts';
import type { Intent } from '../protocol/page.ts';
import { durationText } from '../values/time.ts';

export type Undo = Extract<Intent, { do: 'undo' | 'undo-since' }>;
export type Invite = Extract<Intent, { do: 'invite' }>;
export type Plain = Exclude<Intent, Undo | Invite>;
type SingleCommand = Exclude<AdminCommand, { type: 'AllOf' }>;

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
  }
};

const optional = (flag: string, value: string | undefined): string[] =>
  value === undefined ? [] : [flag, value];

const spanOf = (seconds: number | undefined): string | undefined =>
  seconds === undefined ? undefined : durationText(seconds);

/** The verb, then its words after the network. */
const wordsOf = (intent: Intent): [verb: string, ...words: string[]] => {
  switch (intent.do) {
    case 'invite': {
      const { name, cidr, ip, isAdmin = false, inviteExpiresSeconds: seconds } = intent;
      const address = ip === undefined ? ['--auto-ip'] : ['--ip', ip];
      const rest = ['--admin', String(isAdmin), ...optional('--invite-expires', spanOf(seconds))];
      return ['add-peer', name, '--cidr', cidr, ...address, ...rest];
    }
    case 'rename-peer':
      return ['rename-peer', intent.peer, intent.name];
    case 'disable':
      return ['disable-peer', intent.peer];
    case 'enable': {
      const { peer, expiresSeconds: seconds } = intent;
      return ['enable-peer', peer, ...optional('--expires', spanOf(seconds))];
    }
    case 'delete-peer':
    case 'grant-admin':
    case 'revoke-admin':
    case 'revoke-invitation':
      return [intent.do, intent.peer];
    case 'add-cidr':
      return ['add-cidr', intent.name, intent.cidr, ...optional('--parent', intent.parent)];
    case 'rename-cidr':
      return ['rename-cidr', intent.cidr, intent.name];
    case 'delete-cidr':
      return ['delete-cidr', intent.cidr];
    case 'associate':
      return ['add-association', ...intent.cidrs];
    case 'end-association':
      return ['delete-association', ...intent.cidrs];
    case 'undo':
      return ['revert', String(intent.position)];
    case 'undo-since':
      return ['revert', '--to', String(intent.position)];
  }
};

/** The whole line; `program` with its flags, such as `inn -c folder`. */
export const commandLineOf = (program: string, network: string, intent: Intent): string => {
  const [verb, ...words] = wordsOf(intent);
  const typed = words.map((word) => (/^--[a-z-]+$/.test(word) ? word : shellWord(word)));
  return [program, verb, shellWord(network), ...typed].join(' ');
};

/** The verbs of invitations: add-peer, list-invitations, revoke-invitation, reissue-invitation. */
import { type Command, Option } from 'commander';
import * as z from 'zod';
import { shellWord } from '../domain/rejection.ts';
import { Ip } from '../values/ip.ts';
import { Hostname, isHostname, RecordedName } from '../values/name.ts';
import { Duration, INVITATION_SECONDS, Timestamp } from '../values/time.ts';
import { Questions } from './ask.ts';
import { addChangeOptions, change, named, sayOutcome } from './change.ts';
import { chooseHome } from './cidrs.ts';
import { EndText, endSaid, expiresFlag, type SaidEnd } from './expiry.ts';
import {
  endsAfter,
  type Invitation,
  type Invited,
  invite,
  rehearseInvitation,
  STDOUT,
} from './invitation.ts';
import { type ChangeOptions, flag } from './options.ts';
import { peerChoices } from './peer-choices.ts';
import type { Plane } from './plane.ts';
import { answer, answerJson, localTime, note, table } from './print.ts';
import { actsOn, networkVerb, type Open } from './program.ts';
import { Usage } from './usage.ts';

type InviteOptions = ChangeOptions & { saveConfig?: string; inviteExpires?: number };

/** The default file of an invitation; an imported name may be unfit for a file. */
const fileFor = (peer: string, { saveConfig, json }: InviteOptions): string => {
  if (saveConfig === STDOUT && json)
    throw new Usage('--save-config - and --json both write to stdout: name a file for the invitation');
  if (saveConfig !== undefined) return saveConfig;
  if (isHostname(peer)) return `${peer}.toml`;
  throw new Usage(`--save-config is missing: the name "${peer}" does not fit a file`);
};

const inviteOrRehearse = async (
  plane: Plane,
  invitation: Invitation,
  options: ChangeOptions,
  done: string,
): Promise<void> => {
  if (options.dryRun) sayOutcome(await rehearseInvitation(plane, invitation), options, { done });
  else sayInvited(await invite(plane, invitation), options, done);
};

const sayInvited = ({ outcome, ip, file }: Invited, options: ChangeOptions, done: string): void => {
  if (file === STDOUT) {
    note(`${done} at ${ip}`);
    note('hand it over in private; there: innernet install - < FILE');
    return;
  }
  sayOutcome(outcome, options, { done: `${done} at ${ip}: ${file}` }, { ip, invitation: file });
  if (options.json) return;
  const end = Timestamp.safeParse(outcome.events.find(({ type }) => type === 'PeerExpirySet')?.expires);
  if (end.success) note(`its time in the network ends ${localTime(end.data)}`);
  note(`hand ${file} over in private, then run there: innernet install ${shellWord(file)}`);
};

type AddOptions = InviteOptions & {
  name?: Hostname;
  cidr?: string;
  ip?: Ip;
  autoIp?: true;
  admin?: 'true' | 'false';
  expires?: SaidEnd;
};

/** Enter leaves it out. */
const orNothing = <S extends z.ZodType<unknown, string>>(
  schema: S,
): z.ZodType<z.output<S> | undefined, string> =>
  z.string().transform((text, context) => {
    if (text === '') return undefined;
    const { data, error } = schema.safeParse(text);
    if (!error) return data as z.output<S>;
    context.addIssue({ code: 'custom', message: error.issues[0]?.message });
    return z.NEVER;
  });

const askForIp = async (questions: Questions, { ip, autoIp }: AddOptions): Promise<Ip | undefined> => {
  if (ip !== undefined || autoIp || !questions.asked) return ip;
  return questions.text({
    flag: '--ip',
    question: 'Its address (Enter: the lowest free one)',
    given: undefined,
    schema: orNothing(Ip),
  });
};

const askForEnd = async (questions: Questions, { expires }: AddOptions): Promise<SaidEnd | undefined> => {
  if (expires !== undefined || !questions.asked) return expires;
  return questions.text({
    flag: '--expires',
    question: 'Until when (90d, 2027-01-31, never; Enter: the default)',
    given: undefined,
    schema: orNothing(EndText),
  });
};

const addPeer = async (plane: Plane, options: AddOptions): Promise<void> => {
  const questions = new Questions(options);
  const name = await questions.text({
    flag: '--name',
    question: 'Name of the new peer',
    given: options.name,
    schema: Hostname,
  });
  const cidr = await chooseHome(plane, questions, options.cidr);
  const ip = await askForIp(questions, options);
  const admin = options.admin === undefined ? undefined : options.admin === 'true';
  const isAdmin = await questions.yesOrNo('May it administer the network?', admin);
  const end = await askForEnd(questions, options);
  const expires = endsAfter(options.inviteExpires ?? INVITATION_SECONDS);
  const role = isAdmin ? 'the admin' : 'the peer';
  await questions.confirmIfAsked(`Invite ${role} "${name}" into "${cidr}"?`);
  const invitation: Invitation = {
    peer: name,
    file: fileFor(name, options),
    expires,
    command: (publicKey) => ({
      type: 'AddPeer',
      name,
      cidr,
      ...(ip === undefined ? {} : { ip }),
      isAdmin,
      publicKey,
      inviteExpires: expires,
      ...(end === undefined ? {} : { expires: endSaid(end) }),
    }),
  };
  await inviteOrRehearse(plane, invitation, options, `invited ${role} ${named(name)}`);
};

type NameOptions = ChangeOptions & { name?: string };

const chooseInvited = (plane: Plane, questions: Questions, name: string | undefined): Promise<string> =>
  questions.choice({
    flag: '--name',
    question: 'Invited peer',
    given: name,
    choices: async () => peerChoices(await plane.view(), ({ isRedeemed }) => !isRedeemed),
    none: 'no invitation is open',
  });

const reissueInvitation = async (plane: Plane, options: NameOptions & InviteOptions): Promise<void> => {
  const questions = new Questions(options);
  const peer = await chooseInvited(plane, questions, options.name);
  const expires = endsAfter(options.inviteExpires ?? INVITATION_SECONDS);
  await questions.confirmIfAsked(`Make a new invitation for "${peer}"? The old one will not work any more.`);
  const invitation: Invitation = {
    peer,
    file: fileFor(peer, options),
    expires,
    command: (publicKey) => ({ type: 'ReissueInvitation', peer, publicKey, inviteExpires: expires }),
  };
  await inviteOrRehearse(plane, invitation, options, `made a new invitation for ${named(peer)}`);
};

const revokeInvitation = async (plane: Plane, options: NameOptions): Promise<void> => {
  const questions = new Questions(options);
  const peer = await chooseInvited(plane, questions, options.name);
  await questions.confirmIfAsked(`Revoke the invitation of "${peer}"?`, 'no');
  await change(plane, { type: 'RevokeInvitation', peer }, options, {
    done: `revoked the invitation of ${named(peer)}: its name and address are free again`,
  });
};

const listInvitations = async (plane: Plane, { json }: { json?: true }): Promise<void> => {
  const { peers, cidrs } = await plane.view();
  const cidrOf = new Map(cidrs.map(({ id, name }) => [id, name]));
  const open = peers.filter(({ isRedeemed }) => !isRedeemed);
  if (json) return answerJson(open.map((peer) => ({ ...peer, cidr: cidrOf.get(peer.cidrId) ?? null })));
  answer(
    table(
      ['NAME', 'ADDRESS', 'CIDR', 'ADMIN', 'UNTIL'],
      open.map(({ name, ip, cidrId, isAdmin, inviteExpires }) => [
        name,
        ip,
        cidrOf.get(cidrId) ?? '',
        isAdmin ? 'admin' : '',
        inviteExpires === null ? 'no end' : localTime(inviteExpires),
      ]),
    ),
  );
};

const addInviteOptions = (verb: Command): Command =>
  addChangeOptions(
    verb
      .addOption(
        flag('--invite-expires <time>', 'how long the invitation holds (units s m h d w)', Duration).default(
          INVITATION_SECONDS,
          '14d',
        ),
      )
      .option('--save-config <file>', 'the file for the invitation, - for stdout (default: NAME.toml)'),
  );

export const addInvitationVerbs = (program: Command, open: Open): void => {
  const add = networkVerb(program, 'add-peer', {
    summary: 'invite a new peer: writes the file that its machine joins by',
    examples: [
      'add-peer acme ann --cidr engineers',
      'add-peer acme --name ann --cidr engineers --ip 10.61.1.7 --admin true --invite-expires 2d --save-config ann.toml --yes',
      'add-peer acme',
    ],
  })
    .addOption(flag('--name <name>', 'its name', Hostname))
    .addOption(flag('--cidr <cidr>', 'the CIDR that it belongs to', RecordedName))
    .addOption(flag('--ip <address>', 'its permanent address', Ip))
    .addOption(new Option('--auto-ip', 'give it the lowest free address (the default)').conflicts('ip'))
    .addOption(expiresFlag())
    .addOption(new Option('--admin <true|false>', 'whether it may administer').choices(['true', 'false']))
    .word('name', '--name', 'its name');
  actsOn<AddOptions>(addInviteOptions(add), open, addPeer);

  const list = networkVerb(program, 'list-invitations', {
    summary: 'list the open invitations; those that ended: history --type InvitationExpired',
    examples: ['list-invitations acme', 'list-invitations acme --json'],
  }).option('--json', 'answer with JSON: a list of invited peers');
  actsOn<{ json?: true }>(list, open, listInvitations);

  const reissue = networkVerb(program, 'reissue-invitation', {
    summary: 'replace an invitation by a new one, for the same name and address',
    examples: ['reissue-invitation acme ann --save-config ann-again.toml'],
  }).about('peer', "the invited peer's name");
  actsOn<NameOptions & InviteOptions>(addInviteOptions(reissue), open, reissueInvitation);

  const revoke = networkVerb(program, 'revoke-invitation', {
    summary: 'take an invitation back: name and address are free again',
    examples: ['revoke-invitation acme ann'],
  }).about('peer', "the invited peer's name");
  actsOn<NameOptions>(addChangeOptions(revoke), open, revokeInvitation);
};

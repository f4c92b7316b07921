/** The verbs of joined peers: rename, enable, disable, delete, list, make or unmake an admin. */
import type { Command, Option } from 'commander';
import type { AdminCommand } from '../domain/command.ts';
import { endingSoon, hasEnded } from '../domain/ends.ts';
import { isPlain, type Peer } from '../domain/peer.ts';
import { shellWord } from '../domain/rejection.ts';
import type { UnprovedRefusal } from '../protocol/rows.ts';
import { type PeerId, SERVER_PEER } from '../values/id.ts';
import { shortKey } from '../values/key.ts';
import { Hostname, RecordedName } from '../values/name.ts';
import type { Timestamp } from '../values/time.ts';
import { Questions } from './ask.ts';
import {
  addChangeOptions,
  change,
  executeConfirmed,
  named,
  perform,
  type Said,
  sayOutcome,
} from './change.ts';
import { endSaid, expiresFlag, type SaidEnd } from './expiry.ts';
import { seenText } from './last-seen.ts';
import { type ChangeOptions, flag } from './options.ts';
import { byAddress, peerChoices } from './peer-choices.ts';
import type { Plane } from './plane.ts';
import { answer, answerJson, localTime, note, table } from './print.ts';
import { actsOn, networkVerb, type Open, type VerbWords } from './program.ts';

type NameOptions = ChangeOptions & { name?: string; expires?: SaidEnd };

type PeerVerb = {
  verb: string;
  words: VerbWords;
  flags?: readonly Option[];
  command: (peer: string, options: NameOptions) => AdminCommand;
  passes: (peer: Peer) => boolean;
  none: string;
  /** Imperative, for questions: `Disable`. */
  question: string;
  said: (peer: string) => Said;
  /** Asked even with all flags given: it cannot be undone. */
  warning?: (peer: string) => string;
  /** Enter means no. */
  takesAway?: true;
};

const actOnPeer = async (
  { command, passes, none, question, said, warning, takesAway }: PeerVerb,
  plane: Plane,
  options: NameOptions,
): Promise<void> => {
  const questions = new Questions(options);
  const peer = await questions.choice({
    flag: '--name',
    question: `Peer to ${question.toLowerCase()}`,
    given: options.name,
    choices: async () => peerChoices(await plane.view(), passes),
    none,
  });
  if (warning) await questions.sure(warning(peer));
  else await questions.confirmIfAsked(`${question} "${peer}"?`, takesAway ? 'no' : 'yes');
  const intent = command(peer, options);
  const outcome =
    'confirmed' in intent
      ? await executeConfirmed(plane, intent, questions, options)
      : await perform(plane, intent, options);
  sayOutcome(outcome, options, said(peer));
};

const PEER_VERBS: readonly PeerVerb[] = [
  {
    verb: 'enable-peer',
    words: {
      summary: 'let a peer in again that was disabled or has expired',
      examples: ['enable-peer acme bob', 'enable-peer acme bob --expires 90d'],
    },
    flags: [expiresFlag()],
    command: (peer, { expires }) => ({
      type: 'EnablePeer',
      peer,
      ...(expires === undefined ? {} : { expires: endSaid(expires) }),
    }),
    passes: ({ isDisabled }) => isDisabled,
    none: 'no peer is disabled',
    question: 'Enable',
    said: (peer) => ({ done: `enabled ${named(peer)}`, already: `${named(peer)} is enabled` }),
  },
  {
    verb: 'disable-peer',
    words: {
      summary: 'cut a peer off at once, until it is enabled again',
      examples: ['disable-peer acme bob'],
    },
    command: (peer) => ({ type: 'DisablePeer', peer, confirmed: false }),
    passes: ({ isDisabled }) => !isDisabled,
    none: 'every peer is disabled already',
    question: 'Disable',
    takesAway: true,
    said: (peer) => ({ done: `disabled ${named(peer)}`, already: `${named(peer)} is disabled` }),
  },
  {
    verb: 'delete-peer',
    words: {
      summary: 'remove a peer for good: its name is free again, its address and key never',
      examples: ['delete-peer acme bob', 'delete-peer acme --name bob --yes'],
    },
    command: (peer) => ({ type: 'DeletePeer', peer, confirmed: false }),
    passes: () => true,
    none: 'there is no peer besides the server',
    question: 'Delete',
    said: (peer) => ({ done: `deleted ${named(peer)}` }),
    warning: (peer) => `Delete "${peer}" for good? Its address is never given again.`,
  },
  {
    verb: 'grant-admin',
    words: { summary: 'make a peer an admin', examples: ['grant-admin acme ann'] },
    command: (peer) => ({ type: 'GrantAdmin', peer }),
    passes: ({ isAdmin }) => !isAdmin,
    none: 'every peer is an admin already',
    question: 'Make an admin of',
    said: (peer) => ({ done: `made ${named(peer)} an admin`, already: `${named(peer)} is an admin` }),
  },
  {
    verb: 'revoke-admin',
    words: {
      summary: 'make an admin an ordinary peer again',
      examples: ['revoke-admin acme ann', 'revoke-admin acme ann --yes'],
    },
    command: (peer) => ({ type: 'RevokeAdmin', peer, confirmed: false }),
    passes: ({ isAdmin }) => isAdmin,
    none: 'no peer besides the server is an admin',
    question: 'Take the admin rights from',
    takesAway: true,
    said: (peer) => ({ done: `${named(peer)} is no admin any more`, already: `${named(peer)} is no admin` }),
  },
];

type RenameOptions = ChangeOptions & { name?: string; newName?: Hostname };

const renamePeer = async (plane: Plane, options: RenameOptions): Promise<void> => {
  const questions = new Questions(options);
  const peer = await questions.choice({
    flag: '--name',
    question: 'Peer to rename',
    given: options.name,
    choices: async () => peerChoices(await plane.view(), () => true),
    none: 'there is no peer besides the server',
  });
  const name = await questions.text({
    flag: '--new-name',
    question: 'Its new name',
    given: options.newName,
    schema: Hostname,
  });
  await questions.confirmIfAsked(`Rename "${peer}" to "${name}"?`);
  await change(plane, { type: 'RenamePeer', peer, name }, options, {
    done: `renamed ${named(peer)} to ${named(name)}`,
    already: `${named(name)} has this name already`,
  });
};

/** `joined`, `phone`, `ended …`, `disabled`, `invited until …`. */
export const stateOf = (peer: Peer, now: Timestamp): string => {
  const { isRedeemed, isDisabled, inviteExpires, expires } = peer;
  if (hasEnded(peer, now) && isDisabled) return `ended ${localTime(expires ?? now)}`;
  if (isDisabled) return 'disabled';
  const end = expires === undefined ? '' : `, ends ${localTime(expires)}`;
  if (isRedeemed) return `${isPlain(peer) ? 'phone' : 'joined'}${end}`;
  return `${inviteExpires === null ? 'invited' : `invited until ${localTime(inviteExpires)}`}${end}`;
};

const noteEnding = (peers: readonly Peer[], now: Timestamp, network: string): void => {
  for (const { name, expires } of endingSoon(peers, now))
    note(
      `the time of ${named(name)} ends ${localTime(expires)}; to give it another end: ` +
        `set-expiry ${network} --name ${shellWord(name)} --expires 90d`,
    );
};

const proofOf = ({ id, isProofWaived, hasProved }: Peer, refusedOf: Refused): string => {
  if (isProofWaived) return 'waived';
  return hasProved ? 'proved' : refusedOf.has(id) ? 'refused' : '';
};

type Refused = ReadonlyMap<PeerId, UnprovedRefusal>;

const noteRefused = (peers: readonly Peer[], refusedOf: Refused, network: string): void => {
  for (const { id, name, hasProved } of peers) {
    const refused = refusedOf.get(id);
    if (!refused) continue;
    const times = refused.count === 1 ? 'once' : `${refused.count} times`;
    const why = hasProved
      ? 'another program on that machine, or innernet 2.0 with its key, which needs'
      : 'bring innernet there up to date, or';
    note(
      `${named(name)} was refused ${times}, last ${localTime(refused.last)}, because its request held no proof by ` +
        `its key: ${why}: innernet-server waive-proof ${network} --name ${shellWord(name)}`,
    );
  }
};

const listPeers = async (plane: Plane, { json }: { json?: true }): Promise<void> => {
  const view = await plane.view();
  const { peers, cidrs, unproved = [] } = view;
  const seen = await plane.seen?.(view);
  const lastOf = new Map(seen?.map(({ peerId, last }) => [peerId, last]));
  const refusedOf: Refused = new Map(unproved.map((refusal) => [refusal.peerId, refusal]));
  const cidrOf = new Map(cidrs.map(({ id, name }) => [id, name]));
  const rows = [...peers].sort(byAddress);
  const now = new Date().toISOString() as Timestamp;
  if (json) {
    const told = (peer: Peer) => ({ ...peer, cidr: cidrOf.get(peer.cidrId) ?? null });
    const refused = ({ id }: Peer) => (refusedOf.has(id) ? { unproved: refusedOf.get(id) } : {});
    const last = ({ id }: Peer) => (seen ? { lastSeen: lastOf.get(id) ?? null } : {});
    return answerJson(rows.map((peer) => ({ ...told(peer), ...last(peer), ...refused(peer) })));
  }
  const seenOf = ({ id, isRedeemed }: Peer): string =>
    id === SERVER_PEER || !isRedeemed ? '' : seenText(lastOf.get(id));
  answer(
    table(
      ['NAME', 'ADDRESS', 'CIDR', 'ADMIN', 'STATE', ...(seen ? ['SEEN'] : []), 'PROOF', 'KEY'],
      rows.map((peer) => [
        peer.name,
        peer.ip,
        cidrOf.get(peer.cidrId) ?? '',
        peer.isAdmin ? 'admin' : '',
        stateOf(peer, now),
        ...(seen ? [seenOf(peer)] : []),
        proofOf(peer, refusedOf),
        shortKey(peer.publicKey),
      ]),
    ),
  );
  noteRefused(rows, refusedOf, plane.network);
  noteEnding(rows, now, plane.network);
};

/** Adds the verbs of peers; those that invite are in invitations.ts. */
export const addPeerVerbs = (program: Command, open: Open): void => {
  const rename = networkVerb(program, 'rename-peer', {
    summary: 'give a peer another name',
    examples: ['rename-peer acme bob robert'],
  })
    .addOption(flag('--name <peer>', 'its present name', RecordedName))
    .addOption(flag('--new-name <name>', 'its new name', Hostname))
    .word('peer', '--name', 'its present name')
    .word('new-name', '--new-name', 'its new name');
  actsOn<RenameOptions>(addChangeOptions(rename), open, renamePeer);

  for (const peerVerb of PEER_VERBS) {
    const command = networkVerb(program, peerVerb.verb, peerVerb.words);
    command.about('peer', "the peer's name");
    for (const option of peerVerb.flags ?? []) command.addOption(option);
    actsOn<NameOptions>(addChangeOptions(command), open, (plane, options) =>
      actOnPeer(peerVerb, plane, options),
    );
  }

  const list = networkVerb(program, 'list-peers', {
    summary: 'list the peers and when each was last seen, invited and disabled ones too',
    examples: ['list-peers acme', 'list-peers acme --json'],
  }).option('--json', 'answer with JSON: a list of peers');
  actsOn<{ json?: true }>(list, open, listPeers);
};

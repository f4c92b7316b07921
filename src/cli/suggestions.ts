/** Suggests a verb or flag for an unknown one: the words of other programs, and words one typo away. */
import type { Command } from 'commander';
import { nearest } from './near.ts';

/** Other VPN programs' and people's words for our verbs. */
const WORDS_OF_OTHERS: { [word: string]: readonly string[] } = {
  backups: ['backup'],
  check: ['doctor'],
  config: ['show'],
  connect: ['up'],
  create: ['new'],
  debug: ['doctor'],
  diagnose: ['doctor'],
  events: ['history'],
  groups: ['list-cidrs'],
  info: ['show'],
  invite: ['add-peer'],
  join: ['install'],
  'list-groups': ['list-cidrs'],
  log: ['history'],
  login: ['install'],
  logs: ['history'],
  ls: ['show', 'list-peers'],
  netcheck: ['doctor'],
  'add-client': ['add-peer', 'add-phone'],
  'add-device': ['add-peer', 'add-phone'],
  peers: ['list-peers'],
  phone: ['add-phone'],
  qr: ['add-phone'],
  ping: ['why', 'doctor'],
  register: ['install'],
  run: ['serve', 'up'],
  start: ['serve', 'up'],
  stat: ['show'],
  status: ['show'],
  undo: ['revert --dry-run'],
  users: ['list-peers'],
  version: ['--version'],
  whois: ['list-peers'],
};

/**
 * Verbs that take something away may be suggested for these: the name was nearly said, and the verb asks
 * first or can be undone.
 */
const WORDS_OF_REMOVAL: { [word: string]: readonly string[] } = {
  leave: ['uninstall'],
  logout: ['uninstall'],
  'remove-cidr': ['delete-cidr'],
  'remove-peer': ['delete-peer'],
  block: ['disable-peer'],
  'block-peer': ['disable-peer'],
};

/** Verbs that a typo must not lead to. */
const TAKES_AWAY = /^(down|uninstall|delete-|disable-|revoke-|revert|restored?$|forget-|acknowledge|waive-)/;

export const verbsMeant = (program: Command, word: string): readonly string[] => {
  const names = program.commands.map((command) => command.name());
  const isKnown = (meant: string): boolean =>
    meant.startsWith('--') || names.includes(meant.split(' ')[0] ?? '');
  const said = (WORDS_OF_OTHERS[word] ?? WORDS_OF_REMOVAL[word] ?? []).filter(isKnown);
  if (said.length > 0) return said;
  const near = nearest(
    word,
    program.commands.flatMap((command) => [command.name(), ...command.aliases()]),
  );
  return near === undefined || TAKES_AWAY.test(near) ? [] : [near];
};

/** The flag similar to an unknown one: a typo, or the last word of a longer name (`--network-name`). */
export const flagMeant = (verb: Command, said: string): string | undefined => {
  const flags = verb.options.flatMap(({ long, hidden }) => (long && !hidden ? [long] : []));
  const [longer, ...others] = flags.filter((flag) => flag.endsWith(said.slice(1)));
  return nearest(said, flags) ?? (others.length === 0 ? longer : undefined);
};

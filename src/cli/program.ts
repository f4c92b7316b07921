/** Builds both programs and their verbs: global flags, help with examples, one network. */
import { Command, type CommandOptions, Help } from 'commander';
import type { InterfaceName } from '../values/name.ts';
import { advised } from './advice.ts';
import { NetworkVerb } from './network-verb.ts';
import {
  addGlobalOptions,
  addLateGlobalOptions,
  type Folders,
  type GlobalOptions,
  globalOptionsOf,
} from './options.ts';
import type { Past, Plane } from './plane.ts';

/** By its name on this machine. Throws `Failure` if unknown. */
export type Open = (network: InterfaceName, options: GlobalOptions) => Promise<Plane>;

/** The last heading takes the remaining verbs. */
const GROUPS: readonly (readonly [heading: string, verbs: RegExp])[] = [
  ['join and run:', /^(install|up|down|fetch|show|serve|new)$/],
  ['peers:', /-(peer|peers|admin|invitation|invitations|expiry|phone)$|^phone-/],
  ['CIDRs and access:', /-(cidr|cidrs|association|associations|proof)$/],
  ['routes:', /-(route|routes|router)$|^use-exit$/],
  ['history and proof:', /^(history|state|diff|why|ui|notify|head|revert|verify|verify-export|acknowledge)$/],
  [
    'server:',
    /^(backup|restore|restored|export|import|rebuild|move-log|set-endpoint|(set|clear)-relay|list-relays|(name|dismiss)-standby|standbys?|kit|promote)$/,
  ],
  ['this machine:', /^/],
];

const groupOf = (verb: string): string => GROUPS.find(([, verbs]) => verbs.test(verb))?.[0] ?? '';

const inOrder: Help['groupItems'] = (all, visible, headingOf) => {
  const place = (heading: string): number => GROUPS.findIndex(([each]) => each === heading);
  const groups = [...Help.prototype.groupItems(all, visible, headingOf)];
  return new Map(groups.sort(([left], [right]) => place(left) - place(right)));
};

/** Throws errors to `run`, which words them. */
export const newProgram = (name: string, version: string, summary: string, folders: Folders): Command => {
  const program = new Command(name)
    .description(summary)
    .version(version, '--version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .helpCommand('help [verb]', 'print the help of a verb')
    .configureHelp({
      sortSubcommands: false,
      showGlobalOptions: false,
      groupItems: inOrder,
      subcommandTerm: (verb) => [verb.name(), ...verb.aliases()].join('|'),
    })
    .configureOutput({ outputError: () => {} })
    .showSuggestionAfterError(false) // ours are in suggestions.ts
    .exitOverride()
    // To the verb that is asked for alone: for all of them, commander compares flags so often that V8 loads its optimizer.
    .hook('preSubcommand', (_program, verb) => addLateGlobalOptions(verb));
  addGlobalOptions(program, folders);
  return program;
};

export type VerbWords = {
  /** One line, lower case. */
  summary: string;
  /** Without the program's name. */
  examples: readonly [string, ...string[]];
};

const EXAMPLES = new WeakMap<Command, readonly string[]>();

/** The example command lines of a verb, without the program's name. */
export const examplesOf = (verb: Command): readonly string[] => EXAMPLES.get(verb) ?? [];

/** Adds a verb that takes no network; its options, arguments and action follow. */
export const verb = (program: Command, name: string, words: VerbWords, options?: CommandOptions): Command =>
  withWords(program, program.command(name, options), words);

const withWords = <C extends Command>(program: Command, command: C, words: VerbWords): C => {
  command.description(words.summary).helpGroup(groupOf(command.name()));
  EXAMPLES.set(command, words.examples);
  const examples = words.examples.map((example) => `  ${program.name()} ${example}`).join('\n');
  return command.addHelpText('after', `\nExamples:\n${examples}`);
};

/** Adds a verb whose first argument is a network. */
export const networkVerb = (program: Command, name: string, words: VerbWords): NetworkVerb => {
  const command = new NetworkVerb(name).copyInheritedSettings(program);
  program.addCommand(command);
  return withWords(program, command, words);
};

/** Gives a verb its action: opens the network, acts, and closes it also after an error. */
export const actsOn = <Options, On extends Past = Plane>(
  command: Command,
  open: (network: InterfaceName, options: GlobalOptions) => Promise<On>,
  act: (on: On, options: Options, operands: string[]) => Promise<void>,
): void => {
  command.action(async () => {
    const [network, ...operands] = command.processedArgs as [InterfaceName, ...string[]];
    const plane = await open(network, globalOptionsOf(command));
    try {
      await advised(plane, () => act(plane, command.opts() as Options, operands));
    } finally {
      await plane.close();
    }
  });
};

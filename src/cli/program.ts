/** How both programs and their verbs are put together: global flags, help with examples, one network to act on. */
import { Command, type CommandOptions } from 'commander';
import type { InterfaceName } from '../values/name.ts';
import { NetworkVerb } from './network-verb.ts';
import {
  addGlobalOptions,
  addLateGlobalOptions,
  type Folders,
  type GlobalOptions,
  globalOptionsOf,
} from './options.ts';
import type { Past, Plane } from './plane.ts';

/** Finds a network by the name that it has on this machine. Throws `Failure` where there is none. */
export type Open = (network: InterfaceName, options: GlobalOptions) => Promise<Plane>;

/** A program without verbs yet. Errors are thrown to `run`, which words them. */
export const newProgram = (name: string, version: string, summary: string, folders: Folders): Command => {
  const program = new Command(name)
    .description(summary)
    .version(version, '--version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .helpCommand('help [verb]', 'print the help of a verb')
    .configureHelp({ sortSubcommands: false, showGlobalOptions: false })
    .configureOutput({ outputError: () => {} })
    .showSuggestionAfterError(false) // ours are in suggestions.ts
    .exitOverride();
  addGlobalOptions(program, folders);
  return program;
};

export type VerbWords = {
  /** One line, lower case. */
  summary: string;
  /** Command lines without the program's name. */
  examples: readonly [string, ...string[]];
};

const EXAMPLES = new WeakMap<Command, readonly string[]>();

/** The example command lines of a verb, without the program's name. */
export const examplesOf = (verb: Command): readonly string[] => EXAMPLES.get(verb) ?? [];

/** Adds a verb that takes no network; its options, arguments and action follow. */
export const verb = (program: Command, name: string, words: VerbWords, options?: CommandOptions): Command =>
  withWords(program, program.command(name, options), words);

const withWords = <C extends Command>(program: Command, command: C, words: VerbWords): C => {
  command.description(words.summary);
  addLateGlobalOptions(command);
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

/** Gives a verb its action: opens the network, acts, closes it whatever happens. */
export const actsOn = <Options, On extends Past = Plane>(
  command: Command,
  open: (network: InterfaceName, options: GlobalOptions) => Promise<On>,
  act: (on: On, options: Options, operands: string[]) => Promise<void>,
): void => {
  command.action(async () => {
    const [network, ...operands] = command.processedArgs as [InterfaceName, ...string[]];
    const plane = await open(network, globalOptionsOf(command));
    try {
      await act(plane, command.opts() as Options, operands);
    } finally {
      await plane.close();
    }
  });
};

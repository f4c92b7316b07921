/** The words of a program as data: verbs, flags, operands, and the kind of each. */
import type { Argument, Command, Option } from 'commander';
import { LATE_GLOBAL_OPTIONS } from './options.ts';
import { examplesOf } from './program.ts';

/** By placeholder; `free`: nothing to propose. */
export type Kind = 'network' | 'peer' | 'cidr' | 'route' | 'file' | 'folder' | 'verb' | 'free';

const KINDS: { [placeholder: string]: Kind } = {
  network: 'network',
  networks: 'network',
  peer: 'peer',
  cidr: 'cidr',
  'other-cidr': 'cidr',
  route: 'route',
  file: 'file',
  invitation: 'file',
  folder: 'folder',
  verb: 'verb',
};

export type Taken = {
  kind: Kind;
  choices: readonly string[];
};

export type FlagWord = {
  /** As typed: `-s`, `--short`. */
  spellings: string[];
  /** As in the help: `-s, --short`, `--mtu <bytes>`. */
  usage: string;
  description: string;
  takes?: Taken;
  isHidden: boolean;
};

export type Operand = Taken & {
  /** As in the help: `<network>`, `[networks...]`. */
  usage: string;
  description: string;
  isRepeated: boolean;
};

export type VerbGrammar = {
  /** The name, then its aliases. */
  names: [string, ...string[]];
  summary: string;
  /** Command lines without the program's name. */
  examples: readonly string[];
  flags: FlagWord[];
  operands: Operand[];
};

export type Grammar = {
  program: string;
  version: string;
  summary: string;
  flags: FlagWord[];
  verbs: VerbGrammar[];
};

const takenBy = (placeholder: string, choices: readonly string[] | undefined): Taken => ({
  kind: KINDS[placeholder] ?? 'free',
  choices: choices ?? [],
});

const flagOf = (option: Option): FlagWord => {
  const [, placeholder] = /[<[]([\w:-]+)/.exec(option.flags) ?? [];
  return {
    spellings: [option.short, option.long].filter((spelling) => spelling !== undefined),
    usage: option.flags,
    description: described(option),
    ...(placeholder === undefined ? {} : { takes: takenBy(placeholder, option.argChoices) }),
    isHidden: option.hidden,
  };
};

const described = ({ description, argChoices, defaultValue, defaultValueDescription }: Option): string => {
  const shown = defaultValueDescription ?? (typeof defaultValue === 'boolean' ? undefined : defaultValue);
  const notes = [
    ...(argChoices ? [`choices: ${argChoices.join(', ')}`] : []),
    ...(shown === undefined ? [] : [`default: ${String(shown)}`]),
  ];
  return notes.length === 0 ? description : `${description} (${notes.join('; ')})`;
};

const operandOf = (argument: Argument): Operand => {
  const name = `${argument.name()}${argument.variadic ? '...' : ''}`;
  return {
    ...takenBy(argument.name(), argument.argChoices),
    usage: argument.required ? `<${name}>` : `[${name}]`,
    description: argument.description,
    isRepeated: argument.variadic,
  };
};

const flagsOf = (command: Command): FlagWord[] => {
  const shown = command.createHelp().visibleOptions(command);
  return [...shown, ...command.options.filter(({ hidden }) => hidden)].map(flagOf);
};

const verbOf = (command: Command): VerbGrammar => ({
  names: [command.name(), ...command.aliases()],
  summary: command.description(),
  examples: examplesOf(command),
  flags: [...flagsOf(command), ...LATE_GLOBAL_OPTIONS.map(flagOf)],
  operands: command.registeredArguments.map(operandOf),
});

/** Reads a program's words. */
export const grammarOf = (program: Command): Grammar => ({
  program: program.name(),
  version: program.version() ?? '',
  summary: program.description(),
  flags: flagsOf(program),
  verbs: program.createHelp().visibleCommands(program).map(verbOf),
});

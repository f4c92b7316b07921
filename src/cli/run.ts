/** Runs a program: errors become a sentence, a hint and an exit code, never a stack trace. */
import { type Command, CommanderError } from 'commander';
import { explain, printable, Rejected } from '../domain/rejection.ts';
import { Failure } from '../values/failure.ts';
import { forbidCoreDumps } from './core-dumps.ts';
import { globalOptionsOf, saidFolders } from './options.ts';
import { answer, jsonText, note, paint } from './print.ts';
import { flagMeant, verbsMeant } from './suggestions.ts';
import { Clock } from './telling.ts';
import { Usage } from './usage.ts';

const REFUSED = 1;
const WRONG_USE = 2;
const INTERRUPTED = 130;

type Trouble = {
  code: number;
  sentence?: string;
  hint?: string | undefined;
  details?: string | undefined;
  refusal?: Rejected['rejection'];
};

class Call {
  readonly program: Command;
  /** Before its flags are parsed, the first word that names a verb. */
  verb: Command | undefined;

  constructor(program: Command, args: readonly string[]) {
    this.program = program;
    const isCalled = (word: string) => (command: Command) =>
      command.name() === word || command.aliases().includes(word);
    for (const word of args) this.verb ??= program.commands.find(isCalled(word));
    program.hook('preAction', (_, verb) => {
      this.verb = verb;
    });
  }

  get verbose(): number {
    return this.verb
      ? globalOptionsOf(this.verb).verbose
      : (this.program.opts<{ verbose?: number }>().verbose ?? 0);
  }

  get #network(): string | undefined {
    const named = this.verb?.registeredArguments[0]?.name() === 'network';
    return named ? (this.verb?.processedArgs[0] as string | undefined) : undefined;
  }

  /** The command line for a suggested verb, such as `rename-peer --name bob`, on this network. */
  commandFor(suggestion: string): string {
    const [verb = '', ...rest] = suggestion.split(' ');
    const known = this.program.commands.find((command) => command.name() === verb);
    // The server's verbs run on another machine, where the network may have another name.
    if (!known) return ['on the server: innernet-server', ...suggestion.split(' ')].join(' ');
    const takesNetwork = known.registeredArguments[0]?.name() === 'network';
    const network = takesNetwork && this.#network ? [this.#network] : [];
    return [this.program.name(), ...saidFolders(this.program, this.verb), verb, ...network, ...rest].join(
      ' ',
    );
  }

  get isJson(): boolean {
    return this.verb?.opts<{ json?: true }>().json === true;
  }

  get help(): string {
    return [this.program.name(), ...(this.verb ? [this.verb.name()] : []), '--help'].join(' ');
  }
}

const sentenceCase = (text: string): string =>
  /^[A-Z][a-z]/.test(text) ? text.charAt(0).toLowerCase() + text.slice(1) : text;

const WRONG_CHOICE = /^command-argument value '([^']*)' is invalid for argument '([^']*)'\. A/;

/** Commander would answer with the whole help. */
const refuseHelpOfNothing = (program: Command, [word, verb]: readonly string[]): void => {
  if (word !== 'help' || verb === undefined || verb === 'help' || verb.startsWith('-')) return;
  if (!program.commands.some((command) => [command.name(), ...command.aliases()].includes(verb)))
    throw new Usage(`there is no verb "${verb}"`, hintFor(verbsMeant(program, verb)));
};

const hintFor = (meant: readonly string[]): string | undefined =>
  meant.length === 0 ? undefined : `did you mean ${meant.join(' or ')}?`;

const meantBy = (sentence: string, { program, verb }: Call): readonly string[] => {
  const [, word] = /^unknown command '(.+)'$/.exec(sentence) ?? [];
  if (word !== undefined) return verbsMeant(program, word);
  const [, flag] = /^unknown option '(--[^']+)'$/.exec(sentence) ?? [];
  const meant = flag === undefined ? undefined : flagMeant(verb ?? program, flag);
  return meant === undefined ? [] : [meant];
};

const ofCommander = (error: CommanderError, call: Call): Trouble => {
  if (error.exitCode === 0) return { code: 0 };
  if (error.code === 'commander.help') return { code: WRONG_USE };
  const [first = ''] = error.message.replace(/^error: /, '').split('\n');
  const sentence = sentenceCase(first.replace(WRONG_CHOICE, '$2 "$1": a').replace(/\.$/, ''));
  return { code: WRONG_USE, sentence, hint: hintFor(meantBy(sentence, call)) ?? call.help };
};

const SYSTEM_REASONS: { [code: string]: string } = {
  EACCES: 'permission denied',
  EPERM: 'operation not permitted',
  ENOENT: 'there is no such file or folder',
  ENOSPC: 'no space is left on the disk',
  EROFS: 'the file system is read-only',
  EISDIR: 'this is a folder',
  ENOTDIR: 'part of the path is no folder',
  ELOOP: 'the links lead round in a circle',
};

const isSystemError = (error: unknown): error is NodeJS.ErrnoException =>
  error instanceof Error && 'code' in error && 'syscall' in error;

const ofSystem = (error: NodeJS.ErrnoException): Trouble => {
  const reason = SYSTEM_REASONS[error.code ?? ''] ?? error.message;
  const denied = ['EACCES', 'EPERM'].includes(error.code ?? '') && process.getuid?.() !== 0;
  return {
    code: REFUSED,
    sentence: error.path ? `${error.path}: ${reason}` : reason,
    hint: denied ? 'run it as root, with sudo' : undefined,
    details: error.stack,
  };
};

const causes = (error: Error): string => {
  const found: string[] = [];
  for (let { cause } = error; cause instanceof Error && found.length < 8; { cause } = cause)
    found.push(`caused by: ${cause.stack ?? cause.message}`);
  return found.join('\n');
};

const ofRejection = ({ rejection, background }: Rejected, call: Call): Trouble => {
  const { sentence, hint, verb } = explain(rejection);
  const way = verb ? `${hint}: ${call.commandFor(verb)}` : hint;
  return { code: REFUSED, sentence, hint: background ? `${background}; ${way}` : way, refusal: rejection };
};

const hintOf = ({ hint, verb }: Failure, call: Call): string | undefined =>
  verb ? `${hint}: ${call.commandFor(verb)}` : hint;

const ofBug = (error: unknown): Trouble => ({
  code: REFUSED,
  sentence: 'internal error: this is a fault of the program, not of yours',
  hint: 'run the command again with -v before the verb to see where, and report it',
  details: error instanceof Error ? error.stack : String(error),
});

const troubleOf = (error: unknown, call: Call): Trouble => {
  if (error instanceof CommanderError) return ofCommander(error, call);
  if (error instanceof Usage)
    return { code: WRONG_USE, sentence: error.message, hint: error.hint ?? call.help };
  if (error instanceof Rejected) return ofRejection(error, call);
  if (error instanceof Failure)
    return { code: REFUSED, sentence: error.message, hint: hintOf(error, call), details: causes(error) };
  // By name: the class comes with the prompts, which may not be loaded.
  if (error instanceof Error && error.name === 'ExitPromptError') return { code: INTERRUPTED };
  return isSystemError(error) ? ofSystem(error) : ofBug(error);
};

const report = ({ sentence, hint, details, refusal }: Trouble, call: Call): void => {
  const say = (label: string, text: string): void => {
    note(`${call.program.name()}: ${label} ${printable(text)}`);
  };
  const clock = new Clock({});
  if (sentence) say(paint('red', 'error:', process.stderr), clock.sentence(sentence));
  if (hint) say(paint('bold', 'hint:', process.stderr), clock.sentence(hint));
  if (details && call.verbose > 0) note(details);
  if (!sentence || !call.isJson) return;
  const error = { sentence, ...(hint ? { hint } : {}), ...(refusal ? { refusal } : {}) };
  answer(jsonText({ error })); // in one line: a history has one record a line before it
};

/** A reader may close early (`| head`); changes are done by then. */
const endQuietlyWithoutReader = (): void => {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    process.exit();
  });
  process.stderr.on('error', () => {});
};

/**
 * Parses `args` (without node and program), runs the verb, reports errors. Resolves to `process.exitCode` if
 * the verb set it, else 0, 1, 2 or 130.
 */
export const run = async (program: Command, args: readonly string[]): Promise<number> => {
  const call = new Call(program, args);
  try {
    refuseHelpOfNothing(program, args);
    await program.parseAsync(args, { from: 'user' });
    return Number(process.exitCode ?? 0);
  } catch (error) {
    const trouble = troubleOf(error, call);
    report(trouble, call);
    return trouble.code;
  }
};

/** Runs a program, then exits even with open handles. */
export const main = async (
  program: Command,
  args: readonly string[] = process.argv.slice(2),
): Promise<never> => {
  endQuietlyWithoutReader();
  const warning = forbidCoreDumps();
  if (warning) note(`${program.name()}: warning: ${warning}`);
  const code = await run(program, args);
  return process.exit(code);
};

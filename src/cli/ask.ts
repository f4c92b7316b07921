/** Questions to the person at the terminal; without a terminal the flag that is missing is named instead. */
import type * as z from 'zod';
import { printable } from '../domain/rejection.ts';
import { Failure } from '../values/failure.ts';
import { Usage } from './usage.ts';

/** Whether somebody is there to answer: questions are written to stderr and answered on stdin. */
export const hasTerminal = (): boolean => process.stdin.isTTY === true && process.stderr.isTTY === true;

type Asked<T> = {
  /** What is missing where nobody can be asked: `--name`. */
  flag: string;
  question: string;
  /** What was said on the command line already. */
  given: T | undefined;
};

export type TextQuestion<S extends z.ZodType<unknown, string>> = Asked<z.output<S>> & {
  schema: S;
  /** What Enter alone means. */
  initial?: string | undefined;
};

export type Choice<T> = { name: string; value: T };

export type ChoiceQuestion<T> = Asked<T> & {
  choices: () => Promise<Choice<T>[]>;
  /** What it means that there are no choices: `no peer is disabled`. */
  none: string;
  /** What can be done about that: hint and verb, as of a `Failure`. */
  way?: () => Promise<{ hint: string; verb: string }>;
};

// Loaded when the first question is asked: it takes longer to load than most verbs to run.
const prompts = () => import('@inquirer/prompts');

/** Questions are no answer: they go where messages go. */
const onTerminal = { output: process.stderr };

/** The questions of one verb, from the first to "are you sure?". */
export class Questions {
  readonly #yes: boolean;
  /** Whether this is a conversation, so that what has a default is worth asking for too. */
  asked = false;

  /** A dry run changes nothing, so it needs no assurance. */
  constructor({ yes, dryRun }: { yes?: boolean | undefined; dryRun?: boolean | undefined }) {
    this.#yes = yes ?? dryRun ?? false;
  }

  /** A text that passes the value's rules; asked again until it does. */
  async text<S extends z.ZodType<unknown, string>>(asked: TextQuestion<S>): Promise<z.output<S>> {
    const { flag, question, given, schema, initial } = asked;
    if (given !== undefined) return given;
    this.#mustHaveTerminal(flag);
    const { input } = await prompts();
    const text = await input(
      {
        message: `${question}:`,
        ...(initial === undefined ? {} : { default: initial }),
        validate: (candidate) => {
          const result = schema.safeParse(candidate.trim());
          return result.success || printable(result.error.issues[0]?.message ?? 'this cannot be understood');
        },
      },
      onTerminal,
    );
    return schema.parse(text.trim());
  }

  /** One of some; a `Failure` where there are none. */
  async choice<T>({ flag, question, given, choices, none, way }: ChoiceQuestion<T>): Promise<T> {
    if (given !== undefined) return given;
    this.#mustHaveTerminal(flag);
    const offered = await choices();
    if (offered.length === 0) throw new Failure(none, await way?.());
    const { select } = await prompts();
    const shown = offered.map(({ name, value }) => ({ name: printable(name), value }));
    return select({ message: `${question}:`, choices: shown, pageSize: 15, loop: false }, onTerminal);
  }

  /** Yes or no, in a conversation only; no where nobody is asked. */
  async yesOrNo(question: string, given: boolean | undefined): Promise<boolean> {
    if (given !== undefined) return given;
    return this.asked && hasTerminal() ? this.#confirm(question, false) : false;
  }

  /** Asks before what cannot be undone; `--yes` answers. A `Failure` when the answer is no. */
  async sure(question: string, enter: 'yes' | 'no' = 'no'): Promise<void> {
    if (this.#yes) return;
    this.#mustHaveTerminal('--yes', `${question} Say --yes`);
    if (!(await this.#confirm(question, enter === 'yes')))
      throw new Failure('not confirmed: nothing was changed');
  }

  /**
   * At the end of a conversation: shows what will be done. Who gave everything by flags is not asked. Enter means
   * yes, unless something is taken away.
   */
  async confirmIfAsked(question: string, enter: 'yes' | 'no' = 'yes'): Promise<void> {
    if (this.asked) await this.sure(question, enter);
  }

  async #confirm(question: string, initial: boolean): Promise<boolean> {
    const { confirm } = await prompts();
    return confirm({ message: printable(question), default: initial }, onTerminal);
  }

  #mustHaveTerminal(flag: string, why = `${flag} is missing`): void {
    if (!hasTerminal()) throw new Usage(`${why}: there is no terminal to ask on`);
    this.asked = true;
  }
}

/** Questions at the terminal; without one, the missing flag is named. */
import type * as z from 'zod';
import { printable } from '../domain/rejection.ts';
import { Failure } from '../values/failure.ts';
import { Usage } from './usage.ts';

/** Questions go to stderr, answers come from stdin. */
export const hasTerminal = (): boolean => process.stdin.isTTY === true && process.stderr.isTTY === true;

type Asked<T> = {
  /** Such as `--name`. */
  flag: string;
  question: string;
  given: T | undefined;
};

export type TextQuestion<S extends z.ZodType<unknown, string>> = Asked<z.output<S>> & {
  schema: S;
  initial?: string | undefined;
};

export type Choice<T> = { name: string; value: T };

export type ChoiceQuestion<T> = Asked<T> & {
  choices: () => Promise<Choice<T>[]>;
  none: string;
  way?: () => Promise<{ hint: string; verb: string }>;
};

// Takes longer to load than most verbs to run.
const prompts = () => import('@inquirer/prompts');

const onTerminal = { output: process.stderr };

export class Questions {
  readonly #yes: boolean;
  /** In a conversation, values with a default are asked for too. */
  asked = false;

  /** A dry run needs no confirmation. */
  constructor({ yes, dryRun }: { yes?: boolean | undefined; dryRun?: boolean | undefined }) {
    this.#yes = yes ?? dryRun ?? false;
  }

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

  /** Typed unseen; `again` asks for it twice. `trouble`: why a text is refused. */
  async secret(
    question: string,
    {
      missing,
      again,
      trouble,
    }: { missing: string; again: boolean; trouble: (text: string) => string | undefined },
  ): Promise<string> {
    this.#mustHaveTerminal('', missing);
    const { password } = await prompts();
    const ask = (message: string, validate: (text: string) => string | true): Promise<string> =>
      password({ message: `${message}:`, validate }, onTerminal);
    const text = await ask(question, (candidate) => trouble(candidate) ?? true);
    if (again)
      await ask(
        'Once more',
        (candidate) => candidate === text || 'this is another one: type the first again',
      );
    return text;
  }

  /** Throws a `Failure` if there are no choices. */
  async choice<T>({ flag, question, given, choices, none, way }: ChoiceQuestion<T>): Promise<T> {
    if (given !== undefined) return given;
    this.#mustHaveTerminal(flag);
    const offered = await choices();
    if (offered.length === 0) throw new Failure(none, await way?.());
    const { select } = await prompts();
    const shown = offered.map(({ name, value }) => ({ name: printable(name), value }));
    return select({ message: `${question}:`, choices: shown, pageSize: 15, loop: false }, onTerminal);
  }

  /** Asks only in a conversation; otherwise no. */
  async yesOrNo(question: string, given: boolean | undefined): Promise<boolean> {
    if (given !== undefined) return given;
    return this.asked && hasTerminal() ? this.#confirm(question, false) : false;
  }

  /** Confirms an irreversible act; `--yes` answers. Throws a `Failure` on no. */
  async sure(question: string, enter: 'yes' | 'no' = 'no'): Promise<void> {
    if (this.#yes) return;
    this.#mustHaveTerminal('--yes', `${question} Say --yes`);
    if (!(await this.#confirm(question, enter === 'yes')))
      throw new Failure('not confirmed: nothing was changed');
  }

  /**
   * Confirms the plan of a conversation; a call with all flags is not asked. Enter means yes, unless
   * something is taken away.
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

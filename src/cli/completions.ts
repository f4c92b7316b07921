/** The verb `completions`, and the hidden verb that the completions ask for names. */
import { Argument, type Command } from 'commander';
import { bashCompletion } from './bash-completion.ts';
import { fishCompletion } from './fish-completion.ts';
import { type Grammar, grammarOf } from './grammar.ts';
import { type GlobalOptions, globalOptionsOf } from './options.ts';
import { answer } from './print.ts';
import { verb } from './program.ts';
import { zshCompletion } from './zsh-completion.ts';

/** Of what there are names to propose. */
export const NAMED = ['network', 'peer', 'cidr'] as const;
export type Named = (typeof NAMED)[number];

/** Names of networks on this machine, or of peers or CIDRs in one of them; nothing is asked of a server. */
export type NamesOf = (
  kind: Named,
  network: string,
  options: GlobalOptions,
) => Promise<Iterable<string>> | Iterable<string>;

const SHELLS: { [shell: string]: (grammar: Grammar, commands: readonly string[]) => string } = {
  bash: bashCompletion,
  zsh: zshCompletion,
  fish: fishCompletion,
};

/** A name that a shell could not show on one line is not proposed. */
const isShowable = (name: string): boolean => name !== '' && !/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.test(name);

/** Adds `completions`, and `complete`; `aliases` are further names of the program. */
export const addCompletionVerbs = (program: Command, aliases: readonly string[], namesOf: NamesOf): void => {
  const name = program.name();
  verb(program, 'completions', {
    summary: 'print what makes a shell complete verbs, flags and names at the Tab key',
    examples: [
      `completions bash > /etc/bash_completion.d/${name}`,
      `completions zsh > /usr/local/share/zsh/site-functions/_${name}`,
      `completions fish > ~/.config/fish/completions/${name}.fish`,
    ],
  })
    .addArgument(new Argument('<shell>', 'which shell').choices(Object.keys(SHELLS)))
    .action((shell: string) => {
      const text = SHELLS[shell]?.(grammarOf(program), [name, ...aliases]) ?? '';
      answer(text.trimEnd());
    });
  addComplete(program, namesOf);
};

/** What fails here fails quietly: somebody is in the middle of typing. */
const addComplete = (program: Command, namesOf: NamesOf): void => {
  const summary = 'print names that a shell may propose';
  verb(program, 'complete', { summary, examples: ['complete peer acme'] }, { hidden: true })
    .addArgument(new Argument('<kind>').choices([...NAMED]))
    .argument('[network]')
    .action(async (kind: Named, network: string | undefined, _options, command: Command) => {
      try {
        const names = await namesOf(kind, network ?? '', globalOptionsOf(command));
        const shown = [...new Set(names)].filter(isShowable).sort();
        if (shown.length > 0) answer(shown.join('\n'));
      } catch {
        // There is nothing to propose.
      }
    });
};

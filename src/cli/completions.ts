/** The verb `completions`, and the hidden verb `complete` that shells call at each Tab. */
import { Argument, type Command } from 'commander';
import { grammarOf } from './grammar.ts';
import { type GlobalOptions, globalOptionsOf } from './options.ts';
import { answer } from './print.ts';
import { verb } from './program.ts';
import { type Place, type Proposal, placeOf } from './proposals.ts';
import { STUBS } from './shell-stubs.ts';

export const NAMED = ['network', 'peer', 'cidr'] as const;
export type Named = (typeof NAMED)[number];

/** Names of networks on this machine, or of peers or CIDRs in one; asks no server. */
export type NamesOf = (
  kind: Named,
  network: string,
  options: GlobalOptions,
) => Promise<Iterable<string>> | Iterable<string>;

const isShowable = (name: string): boolean => name !== '' && !/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.test(name);

/** Adds `completions` and `complete`; `aliases` are further names of the program. */
export const addCompletionVerbs = (program: Command, aliases: readonly string[], namesOf: NamesOf): void => {
  const name = program.name();
  verb(program, 'completions', {
    summary: 'print the script by which a shell completes verbs, flags and names',
    examples: [
      `completions bash > /etc/bash_completion.d/${name}`,
      `completions zsh > /usr/local/share/zsh/site-functions/_${name}`,
      `completions fish > ~/.config/fish/completions/${name}.fish`,
    ],
  })
    .addArgument(new Argument('<shell>', 'which shell').choices(Object.keys(STUBS)))
    .action((shell: string) => {
      answer((STUBS[shell]?.(name, [name, ...aliases]) ?? '').trimEnd());
    });
  addComplete(program, namesOf);
};

const isNamed = (kind: string): kind is Named => NAMED.some((named) => named === kind);

/** Defaults to the only network. */
const namesAt = async (
  { kind, network, folders }: Place,
  namesOf: NamesOf,
  options: GlobalOptions,
): Promise<Proposal[]> => {
  if (!isNamed(kind)) return [];
  const there = { ...options, ...folders };
  const [only, ...others] = network === '' ? await namesOf('network', '', there) : [network];
  const names = kind === 'network' || others.length === 0 ? await namesOf(kind, only ?? '', there) : [];
  return [...new Set(names)]
    .filter(isShowable)
    .sort()
    .map((word) => ({ word, description: '' }));
};

const proposalsAt = async (place: Place, namesOf: NamesOf, options: GlobalOptions): Promise<string[]> => {
  const { words, kind, start, typed } = place;
  if (words.length === 0 && (kind === 'file' || kind === 'folder')) return [`:${kind}`];
  const found = words.length > 0 ? words : await namesAt(place, namesOf, options);
  return found
    .filter(({ word }) => word.startsWith(typed))
    .map(({ word, description }) => `${start}${word}${description && `\t${description}`}`);
};

/** Fails quietly: the person is typing. */
const addComplete = (program: Command, namesOf: NamesOf): void => {
  const summary = 'print what may stand in the place of the last word, one proposal a line';
  verb(program, 'complete', { summary, examples: ['complete -- list-peers ac'] }, { hidden: true })
    .argument('[words...]')
    .action(async (words: string[], _options, command: Command) => {
      try {
        const place = placeOf(grammarOf(program), words);
        const lines = await proposalsAt(place, namesOf, globalOptionsOf(command));
        if (lines.length > 0) answer(lines.join('\n'));
      } catch {
        // Nothing to propose.
      }
    });
};

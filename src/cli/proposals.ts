/** Proposes the last word of a command line, by the program's grammar. */
import type { FlagWord, Grammar, Kind, Taken, VerbGrammar } from './grammar.ts';

export type Proposal = { word: string; description: string };

type Line = {
  verb: VerbGrammar | undefined;
  operands: string[];
  folders: { configDir?: string; dataDir?: string };
  open: FlagWord | undefined;
};

/** `start` stands before the choice in the same word. */
export type Place = {
  words: readonly Proposal[];
  kind: Kind;
  start: string;
  typed: string;
  network: string;
  folders: Line['folders'];
};

const FOLDERS: { [flag: string]: keyof Line['folders'] } = {
  '--config-dir': 'configDir',
  '--data-dir': 'dataDir',
};

const flagsAt = (grammar: Grammar, { verb }: Line): readonly FlagWord[] => verb?.flags ?? grammar.flags;

const take = (line: Line, flag: FlagWord, value: string): void => {
  const folder = flag.spellings.map((spelling) => FOLDERS[spelling]).find((name) => name !== undefined);
  if (folder) line.folders[folder] = value;
};

/** Bash splits off the `=` between a flag and its value. */
const read = (grammar: Grammar, line: Line, word: string): void => {
  const { open } = line;
  if (open && word === '=') return;
  line.open = undefined;
  if (open) take(line, open, word);
  else if (word.startsWith('-')) readFlag(grammar, line, word);
  else if (line.verb) line.operands.push(word);
  else line.verb = grammar.verbs.find(({ names }) => names.includes(word)) ?? UNKNOWN;
};

const readFlag = (grammar: Grammar, line: Line, word: string): void => {
  const [spelling = '', value] = word.split('=', 2);
  const flag = flagsAt(grammar, line).find(({ spellings }) => spellings.includes(spelling));
  if (!flag?.takes) return;
  if (value === undefined) line.open = flag;
  else take(line, flag, value);
};

const UNKNOWN: VerbGrammar = {
  names: [''],
  summary: '',
  examples: [],
  flags: [],
  operands: [{ kind: 'free', choices: [], usage: '', description: '', isRepeated: true }],
};

const shownFlags = (flags: readonly FlagWord[]): Proposal[] =>
  flags.flatMap(({ spellings, description, isHidden }) =>
    isHidden ? [] : spellings.map((word) => ({ word, description })),
  );

const verbWords = ({ verbs }: Grammar): Proposal[] =>
  verbs.flatMap(({ names, summary }) => names.map((word) => ({ word, description: summary })));

/** After the last operand only flags can follow. */
const operandAt = ({ verb, operands }: Line): Taken | undefined => {
  const places = verb?.operands ?? [];
  const last = places.at(-1);
  return places[operands.length] ?? (last?.isRepeated ? last : undefined);
};

/** `words` follow the program's name; the last is being typed, perhaps empty. */
export const placeOf = (grammar: Grammar, words: readonly string[]): Place => {
  const line: Line = { verb: undefined, operands: [], folders: {}, open: undefined };
  for (const word of words.slice(0, -1)) read(grammar, line, word);
  const current = words.at(-1) ?? '';
  const flags = flagsAt(grammar, line);
  const { folders } = line;
  const network = line.operands[0] ?? '';
  const taking = ({ kind, choices }: Taken, start: string, typed: string): Place => {
    const listed = kind === 'verb' ? verbWords(grammar) : choices.map((word) => ({ word, description: '' }));
    return { words: listed, kind, start, typed, network, folders };
  };
  const among = (words: readonly Proposal[]): Place => ({
    ...{ words, kind: 'free', start: '', typed: current },
    ...{ network, folders },
  });
  if (line.open?.takes) return taking(line.open.takes, '', current === '=' ? '' : current);
  const [spelling = '', value] = current.split('=', 2);
  const assigned = flags.find(({ spellings }) => spellings.includes(spelling))?.takes;
  if (assigned && value !== undefined) return taking(assigned, `${spelling}=`, value);
  if (current.startsWith('-')) return among(shownFlags(flags));
  if (!line.verb) return among(verbWords(grammar));
  const operand = operandAt(line);
  return operand ? taking(operand, '', current) : among(shownFlags(flags));
};

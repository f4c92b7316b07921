/** The completions of a program for fish: a line for each word, and the functions that read the line so far. */
import type { FlagWord, Grammar, Kind, Operand, VerbGrammar } from './grammar.ts';

const quoted = (text: string): string => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;

const DYNAMIC: readonly Kind[] = ['network', 'peer', 'cidr'];

/** What is proposed in a place, as arguments of fish's own \`complete\`. */
const proposes = (name: string, { kind, choices }: { kind: Kind; choices: readonly string[] }): string => {
  if (choices.length > 0) return `-x -a ${quoted(choices.join(' '))}`;
  if (DYNAMIC.includes(kind)) return `-x -a '(${name}_names ${kind})'`;
  if (kind === 'file') return '-r -F';
  if (kind === 'folder') return `-x -a '(__fish_complete_directories)'`;
  return '-x';
};

const flagLine = (start: string, name: string, { spellings, description, takes }: FlagWord): string => {
  const spelled = spellings.map((flag) => (flag.startsWith('--') ? `-l ${flag.slice(2)}` : `-s ${flag[1]}`));
  const value = takes ? ` ${proposes(name, takes)}` : '';
  return `${start} ${spelled.join(' ')}${value} -d ${quoted(description)}`;
};

const operandLines = (grammar: Grammar, name: string, { names, operands }: VerbGrammar): string[] =>
  operands.flatMap((operand, index) => {
    if (operand.kind === 'free' && operand.choices.length === 0) return [];
    const place = `${operand.isRepeated ? 'from' : 'at'} ${index}`;
    const start = `complete -c ${grammar.program} -n '${name}_operand ${place} ${names.join(' ')}'`;
    return [`${start} ${operandWords(grammar, name, operand)} -d ${quoted(operand.description)}`];
  });

const operandWords = ({ verbs }: Grammar, name: string, operand: Operand): string =>
  operand.kind === 'verb'
    ? `-x -a ${quoted(verbs.flatMap(({ names }) => names).join(' '))}`
    : proposes(name, operand);

const verbLines = (grammar: Grammar, name: string): string[] =>
  grammar.verbs.flatMap((verb) => [
    ...verb.names.map(
      (word) => `complete -c ${grammar.program} -n '${name}_verb' -x -a ${word} -d ${quoted(verb.summary)}`,
    ),
    ...verb.flags
      .filter(({ isHidden }) => !isHidden)
      .map((flag) =>
        flagLine(`complete -c ${grammar.program} -n '${name}_verb ${verb.names.join(' ')}'`, name, flag),
      ),
    ...operandLines(grammar, name, verb),
  ]);

const valueFlags = (flags: readonly FlagWord[]): string =>
  flags
    .filter(({ takes }) => takes)
    .flatMap(({ spellings }) => spellings)
    .join(' ');

const takesTable = ({ flags, verbs }: Grammar): string =>
  [
    `        case ''\n            string split ' ' -- ${quoted(valueFlags(flags))}`,
    ...verbs.map(
      (verb) =>
        `        case ${verb.names.join(' ')}\n            string split ' ' -- ${quoted(valueFlags(verb.flags))}`,
    ),
  ].join('\n');

/** The text of the completions; `commands` are all names by which the program is called. */
export const fishCompletion = (grammar: Grammar, commands: readonly string[]): string => {
  const { program } = grammar;
  const name = `__${program.replaceAll('-', '_')}`;
  const others = commands.filter((command) => command !== program);
  return `# Completions of ${program} for fish, made by: ${program} completions fish

# The flags that take a value, for a verb or, with '', before it.
function ${name}_takes
    switch $argv[1]
${takesTable(grammar)}
    end
end

# Reads the line so far: ${name}_said is the verb and its operands, ${name}_folders what --config-dir and the like said.
function ${name}_read
    set -l words (commandline -opc)
    set -e words[1]
    set -g ${name}_said
    set -g ${name}_folders
    set -l given ''
    set -l takes (${name}_takes '')
    for word in $words
        if test -n "$given"
            contains -- $given -c -d --config-dir --data-dir; and set -a ${name}_folders $given $word
            set given ''
        else if contains -- $word $takes
            set given $word
        else if string match -q -- '-*' $word
            continue
        else
            set -a ${name}_said $word
            test (count $${name}_said) -eq 1; and set takes (${name}_takes $word)
        end
    end
end

# Whether the verb is one of those named; without any: whether there is none yet.
function ${name}_verb
    ${name}_read
    if not set -q argv[1]
        test (count $${name}_said) -eq 0
        return
    end
    set -q ${name}_said[1]; and contains -- $${name}_said[1] $argv
end

# Whether the next operand of one of the verbs is the one that counts as $argv[2] from 0, or, with from, a later one.
function ${name}_operand
    ${name}_verb $argv[3..-1]; or return 1
    set -l operands (math (count $${name}_said) - 1)
    if test $argv[1] = from
        test $operands -ge $argv[2]
    else
        test $operands -eq $argv[2]
    end
end

# Names of networks, or of peers or CIDRs in the network that the line names.
function ${name}_names
    ${name}_read
    set -l network ''
    set -q ${name}_said[2]; and set network $${name}_said[2]
    command ${program} $${name}_folders complete $argv[1] $network 2>/dev/null
end

complete -c ${program} -f
${grammar.flags.map((flag) => flagLine(`complete -c ${program} -n '${name}_verb'`, name, flag)).join('\n')}
${verbLines(grammar, name).join('\n')}
${others.map((other) => `complete -c ${other} -w ${program}\n`).join('')}`;
};

/** The completions of a program for zsh: the specifications that its `_arguments` reads. */
import type { FlagWord, Grammar, Kind, Operand, VerbGrammar } from './grammar.ts';

const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

/** Text inside a specification, where colons and brackets have a meaning. */
const plain = (text: string): string => text.replace(/[\\:[\]]/g, '\\$&');

/** What proposes words; with a space in front `_arguments` calls it as it stands. */
const ACTIONS: { [kind in Kind]: (name: string) => string } = {
  network: (name) => ` ${name}_names network`,
  peer: (name) => ` ${name}_names peer`,
  cidr: (name) => ` ${name}_names cidr`,
  verb: (name) => ` ${name}_verbs`,
  file: () => '_files',
  folder: () => '_files -/',
  free: () => ' ',
};

const action = (name: string, { kind, choices }: { kind: Kind; choices: readonly string[] }): string =>
  choices.length > 0 ? `(${choices.join(' ')})` : ACTIONS[kind](name);

/** `'(-s --short)'{-s,--short}'[one line a peer]'`. */
const flagSpec = (name: string, { spellings, description, takes }: FlagWord): string[] =>
  spellings.map((spelling) => {
    const isRepeated = spelling === '-v' || description.includes('(repeatable)');
    const excluded = isRepeated ? '*' : `(${spellings.join(' ')})`;
    const assigned = takes && spelling.startsWith('--') ? '=' : '';
    const value = takes ? `:value:${action(name, takes)}` : '';
    return quoted(`${excluded}${spelling}${assigned}[${plain(description)}]${value}`);
  });

const operandSpec = (name: string, operand: Operand, index: number): string => {
  const place = operand.isRepeated ? '*' : `${index + 1}`;
  const optional = operand.usage.startsWith('[') && !operand.isRepeated ? ':' : '';
  return quoted(`${place}:${optional}${plain(operand.description)}:${action(name, operand)}`);
};

const specs = (lines: readonly string[]): string => lines.map((line) => ` \\\n        ${line}`).join('');

const verbCase = (name: string, { names, flags, operands }: VerbGrammar): string => {
  const shown = flags.filter(({ isHidden }) => !isHidden).flatMap((flag) => flagSpec(name, flag));
  const places = operands.map((operand, index) => operandSpec(name, operand, index));
  return `    ${names.join('|')})\n      _arguments -s${specs([...shown, ...places])}\n      ;;`;
};

/** The text of the completions, to be sourced or found in a folder of `fpath` as a file `_PROGRAM`. */
export const zshCompletion = (grammar: Grammar, commands: readonly string[]): string => {
  const { program } = grammar;
  const name = `_${program}`;
  const verbs = grammar.verbs.flatMap(({ names, summary }) =>
    names.map((word) => `    ${quoted(`${word}:${summary}`)}`),
  );
  return `#compdef ${commands.join(' ')}
# Completions of ${program} for zsh, made by: ${program} completions zsh

${name}_verbs() {
  local -a verbs=(
${verbs.join('\n')}
  )
  _describe -t verbs verb verbs
}

# Names of networks, or of peers or CIDRs in the network that the line names.
${name}_names() {
  local -a folders names
  local given
  for given in -c -d --config-dir --data-dir; do
    (( \${+global[$given]} )) && folders+=($given \${(Q)global[$given]})
  done
  names=(\${(f)"$(command ${program} $folders complete $1 "\${(Q)line[1]}" 2>/dev/null)"})
  compadd -a names
}

${name}() {
  local curcontext=$curcontext state
  local -a line
  local -A opt_args global
  _arguments -C -s${specs([...grammar.flags.flatMap((flag) => flagSpec(name, flag)), `'1:verb:${name}_verbs'`, `'*::words:->words'`])}
  [[ $state == words ]] || return
  global=("\${(@kv)opt_args}")
  case $words[1] in
${grammar.verbs.map((verb) => verbCase(name, verb)).join('\n')}
  esac
}

if [[ $funcstack[1] == ${name} ]]; then
  ${name} "$@"
else
  compdef ${name} ${commands.join(' ')}
fi
`;
};

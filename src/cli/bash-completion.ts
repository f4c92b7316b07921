/** The completions of a program for bash: a table of its words, and the code that reads the line so far by it. */
import type { FlagWord, Grammar, Kind, VerbGrammar } from './grammar.ts';

type Taken = { kind: Kind; choices: readonly string[] };

/** What the table says of a place: the kind of word, or the words themselves. */
const placeOf = ({ kind, choices }: Taken): string => (choices.length > 0 ? choices.join('|') : kind);

const list = (words: readonly string[]): string => `' ${words.join(' ')} '`;

type Described = Pick<VerbGrammar, 'flags' | 'operands'>;

const taking = (flags: readonly FlagWord[]): string[] =>
  flags.flatMap(({ spellings, takes }) =>
    takes ? spellings.map((spelling) => `${spelling}=${placeOf(takes)}`) : [],
  );

const entry = (patterns: string, { flags, operands }: Described): string => {
  const shown = flags.filter(({ isHidden }) => !isHidden);
  const places = operands.map((operand) => `${placeOf(operand)}${operand.isRepeated ? '...' : ''}`);
  const spellings = list(shown.flatMap((flag) => flag.spellings));
  return `    ${patterns}) flags=${spellings} takes=${list(taking(shown))} places=${list(places)} ;;`;
};

const VERB_PLACE = {
  kind: 'verb',
  choices: [],
  usage: '<verb>',
  description: '',
  isRepeated: false,
} as const;

const tableOf = ({ flags, verbs }: Grammar): string =>
  [
    entry("''", { flags, operands: [VERB_PLACE] }),
    ...verbs.map((verb) => entry(verb.names.join('|'), verb)),
    `    *) flags=' ' takes=' ' places=' ' ;;`,
  ].join('\n');

/** The text of the completions; `commands` are all names by which the program is called. */
export const bashCompletion = (grammar: Grammar, commands: readonly string[]): string => {
  const name = `_${grammar.program.replaceAll('-', '_')}`;
  const verbs = grammar.verbs.flatMap(({ names }) => names).join(' ');
  const late = grammar.verbs[0]?.flags.filter(({ isHidden }) => isHidden) ?? [];
  return `# Completions of ${grammar.program} for bash, made by: ${grammar.program} completions bash

# Sets for the verb $1 ('' before it) its flags, which of them take what, and the places after it.
${name}_table() {
  case $1 in
${tableOf(grammar)}
  esac
}

${name}() {
  local current=\${COMP_WORDS[COMP_CWORD]} verb= network= expects= given= word rest at flags takes places i
  local late=${list(taking(late))} # understood after every verb
  local -a operands=() folders=() candidates=()
  ${name}_table ''
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=\${COMP_WORDS[i]}
    if [[ $word == '=' && -n $expects ]]; then
      continue
    elif [[ -n $expects ]]; then
      case $given in --config-dir | --data-dir | -c | -d) folders+=("$given" "$word") ;; esac
      expects=
    elif [[ $word == -* ]]; then
      given=$word
      if [[ "$takes$late" == *" $word="* ]]; then
        rest="$takes$late"
        rest=\${rest#*" $word="}
        expects=\${rest%% *}
      fi
    elif [[ -z $verb ]]; then
      verb=$word
      ${name}_table "$verb"
    else
      operands+=("$word")
    fi
  done
  if [[ $current == '=' && -n $expects ]]; then current=; fi
  network=\${operands[0]-}

  if [[ -z $expects && $current != -* ]]; then
    at=0
    for rest in $places; do
      if ((at == \${#operands[@]})) || [[ $rest == *... ]]; then
        expects=\${rest%...}
        break
      fi
      at=$((at + 1))
    done
  fi
  case $expects in
    '') candidates=($flags) ;;
    free) ;;
    verb) candidates=(${verbs}) ;;
    file) compopt -o filenames && mapfile -t COMPREPLY < <(compgen -f -- "$current") && return ;;
    folder) compopt -o filenames && mapfile -t COMPREPLY < <(compgen -d -- "$current") && return ;;
    network | peer | cidr)
      mapfile -t candidates < <("$1" "\${folders[@]}" complete "$expects" "$network" 2>/dev/null)
      ;;
    *) IFS='|' read -r -a candidates <<<"$expects" ;;
  esac
  COMPREPLY=()
  for word in "\${candidates[@]}"; do
    [[ $word != "$current"* ]] || COMPREPLY+=("$(printf '%q' "$word")")
  done
}

complete -F ${name} ${commands.join(' ')}
`;
};

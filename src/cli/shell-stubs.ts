/** The completion script of each shell: it asks the program's hidden verb `complete`. */

/** `commands` are all names of the program, its own first. */
type Stub = (program: string, commands: readonly string[]) => string;

const bash: Stub = (program, commands) => {
  const name = `_${program.replaceAll('-', '_')}`;
  return `# Completions of ${program} for bash, made by: ${program} completions bash
${name}() {
  local current=\${COMP_WORDS[COMP_CWORD]} line
  local -a said
  mapfile -t said < <("$1" complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
  COMPREPLY=()
  for line in "\${said[@]}"; do
    case $line in
      :file) compopt -o filenames && mapfile -t COMPREPLY < <(compgen -f -- "$current") ;;
      :folder) compopt -o filenames && mapfile -t COMPREPLY < <(compgen -d -- "$current") ;;
      *) COMPREPLY+=("$(printf '%q' "\${line%%$'\\t'*}")") ;;
    esac
  done
}
complete -F ${name} ${commands.join(' ')}`;
};

const zsh: Stub = (program, commands) => `#compdef ${commands.join(' ')}
# Completions of ${program} for zsh, made by: ${program} completions zsh
_${program}() {
  local line
  local -a said found shown
  said=("\${(@f)$(command ${program} complete -- "\${(@Q)words[2,CURRENT]}" 2>/dev/null)}")
  for line in $said; do
    case $line in
      :file) _files; return ;;
      :folder) _files -/; return ;;
      '') ;;
      *) found+=("\${line%%$'\\t'*}"); shown+=("\${line/$'\\t'/  -- }") ;;
    esac
  done
  compadd -l -d shown -a found
}
if [[ $funcstack[1] == _${program} ]]; then
  _${program} "$@"
else
  compdef _${program} ${commands.join(' ')}
fi`;

const fish: Stub = (program, commands) => {
  const name = `__${program.replaceAll('-', '_')}_proposals`;
  const others = commands.filter((command) => command !== program);
  return `# Completions of ${program} for fish, made by: ${program} completions fish
function ${name}
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    set -l said (command ${program} complete -- $words[2..-1] "$current" 2>/dev/null)
    switch "$said"
        case :file
            __fish_complete_path "$current"
        case :folder
            __fish_complete_directories "$current"
        case '*'
            string join \\n -- $said
    end
end
complete -c ${program} -f -a '(${name})'
${others.map((other) => `complete -c ${other} -w ${program}`).join('\n')}`;
};

export const STUBS: { [shell: string]: Stub } = { bash, zsh, fish };

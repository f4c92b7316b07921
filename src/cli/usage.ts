/** Wrong use of the command line: what the person who typed it can set right by typing something else. */

/** `message` names flag, value and rule; `hint` is what to type instead; absent: the verb's `--help`. */
export class Usage extends Error {
  readonly hint: string | undefined;

  constructor(message: string, hint?: string) {
    super(message);
    this.name = 'Usage';
    this.hint = hint;
  }
}

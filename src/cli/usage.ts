/** Wrong usage of the command line, which the person can correct. */

/** `message` names flag, value and rule; `hint` the correct text; absent: the verb's `--help`. */
export class Usage extends Error {
  readonly hint: string | undefined;

  constructor(message: string, hint?: string) {
    super(message);
    this.name = 'Usage';
    this.hint = hint;
  }
}

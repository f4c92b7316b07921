/** What the world refused, as opposed to a rule: one sentence for the user and, where there is one, a way out. */

/** `message` names the thing and the reason, lower case and without a full stop; `hint` the command to try. */
export class Failure extends Error {
  readonly hint: string | undefined;

  constructor(message: string, options: { hint?: string | undefined; cause?: unknown } = {}) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined);
    this.name = 'Failure';
    this.hint = options.hint;
  }
}

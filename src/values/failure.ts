/** What the world refused, as opposed to a rule: one sentence for the user and, where there is one, a way out. */

type Options = { hint?: string | undefined; verb?: string | undefined; cause?: unknown };

/**
 * `message` names the thing and the reason, lower case and without a full stop; `hint` the command to try, `verb`
 * that command where both programs have it, without program and network.
 */
export class Failure extends Error {
  readonly hint: string | undefined;
  readonly verb: string | undefined;

  constructor(message: string, options: Options = {}) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined);
    this.name = 'Failure';
    this.hint = options.hint;
    this.verb = options.verb;
  }
}

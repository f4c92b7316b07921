/** A refusal by the world, not by a rule: one sentence and perhaps a hint. */

type Options = { hint?: string | undefined; verb?: string | undefined; cause?: unknown };

/**
 * `message` names thing and reason, lower case without full stop; `hint` the command to try; `verb` that
 * command if both programs have it, without program and network.
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

/** Whether a network's server proves itself, and the doubts that the user is told. */
import * as z from 'zod';

/** `older`: the user says that the server is older and proves nothing. */
export const Standing = z.enum(['unknown', 'proves', 'older']);
export type Standing = z.infer<typeof Standing>;

/** Why the server's words are not trusted, or not in full. */
export const Doubt = z.enum([
  /** An answer without a proof from a server that proves itself. */
  'Unproved',
  /** This machine knows a history, but the answering server proves nothing. */
  'NoHistory',
]);
export type Doubt = z.infer<typeof Doubt>;

const SENTENCES: { [D in Doubt]: string } = {
  Unproved:
    'what answers at the server’s address does not prove that it has the server’s key, as the server did before: nothing that it says is obeyed',
  NoHistory:
    'what answers at the server’s address neither proves itself nor shows the history that this machine has followed: peers that it removes go, nobody is let in',
};

export const doubtSentence = (doubt: Doubt): string => SENTENCES[doubt];

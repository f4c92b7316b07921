/** What is known of whether a network's server proves itself, and what is doubted, as the user is told. */
import * as z from 'zod';

/** `older`: the user has said that it is an older server, which proves nothing. */
export const Standing = z.enum(['unknown', 'proves', 'older']);
export type Standing = z.infer<typeof Standing>;

/** Why what is said in the server's name is not taken, or not in full. */
export const Doubt = z.enum([
  /** The server proves itself, and what came was not proved. */
  'Unproved',
  /** This machine knows a history, and who answers proves nothing. */
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

/** The passphrase of a kit: from the environment, or typed unseen. */
import type { Questions } from '../../cli/ask.ts';
import { Usage } from '../../cli/usage.ts';
import { SHORTEST_PASSPHRASE } from '../disk/kit.ts';

const VARIABLE = 'INNERNET_KIT_PASSPHRASE';

const tooShort = (text: string): string | undefined => {
  const { length } = [...text];
  return length < SHORTEST_PASSPHRASE
    ? `a passphrase has at least ${SHORTEST_PASSPHRASE} characters, and this one has ${length}`
    : undefined;
};

/** `new`: for a kit to be sealed; it is typed twice, and has a shortest length. Throws `Usage` without a terminal. */
export const kitPassphrase = async (questions: Questions, purpose: 'new' | 'known'): Promise<string> => {
  const trouble = purpose === 'new' ? tooShort : () => undefined;
  const given = process.env[VARIABLE];
  if (given === undefined)
    return questions.secret(purpose === 'new' ? 'New passphrase of the kit' : 'Passphrase of the kit', {
      missing: `the passphrase of the kit is missing: set ${VARIABLE}`,
      again: purpose === 'new',
      trouble,
    });
  const why = trouble(given);
  if (why !== undefined) throw new Usage(`${VARIABLE}: ${why}`);
  return given;
};

/** `innernet verify`: checks that the server's log still contains the history seen here. */

import type { GlobalOptions } from '../../cli/options.ts';
import { answer, answerJson, note } from '../../cli/print.ts';
import { sha256 } from '../../machine/sha256.ts';
import { DigestPage } from '../../protocol/frames.ts';
import { DIGESTS_PATH, MAX_DIGESTS, PAST_PATH } from '../../protocol/http.ts';
import { shortHead } from '../../protocol/noted-head.ts';
import { ANSWERS } from '../../protocol/past.ts';
import { Failure } from '../../values/failure.ts';
import type { Hash, Position } from '../../values/id.ts';
import type { InterfaceName } from '../../values/name.ts';
import { Api } from '../api/api.ts';
import { extend, type Head } from '../memory/chain.ts';
import { groundOf, readConf } from '../memory/conf-file.ts';
import { readState } from '../memory/journal.ts';
import { pathsOf } from '../memory/paths.ts';

/** What a check needs of a server. */
export type Witnessed = {
  head: () => Promise<Head>;
  /** In order; some thousands at most, none at the end. */
  digestsAfter: (position: Position) => Promise<readonly Hash[]>;
};

const otherHistory = (message: string, own: Head): Failure =>
  new Failure(message, {
    hint: `ask others what they have seen; on the server: innernet-server verify NETWORK --witness ${shortHead(own)}`,
  });

/** Follows the server's digests from the own head to its head, and returns it. Throws a `Failure`. */
export const checkHistory = async (own: Head, server: Witnessed): Promise<Head> => {
  const end = await server.head();
  if (end.networkId !== own.networkId)
    throw otherHistory('the server serves another network than this machine has joined', own);
  if (end.position < own.position)
    throw otherHistory(
      `the server's log ends at position ${end.position}, and this machine has seen position ${own.position}`,
      own,
    );
  let reached = own;
  while (reached.position < end.position) {
    const digests = await server.digestsAfter(reached.position);
    if (digests.length === 0) break;
    reached = extend(reached, digests.slice(0, end.position - reached.position), sha256);
  }
  if (reached.position === end.position && reached.hash === end.hash) return end;
  throw otherHistory(
    `the server's log is not the one that this machine has followed: what comes after position ${own.position} does not lead from there to its end`,
    own,
  );
};

const asked = (api: Api): Witnessed => ({
  head: () => api.ask(ANSWERS.head, { method: 'POST', path: PAST_PATH, body: { ask: 'head' } }),
  digestsAfter: async (position) => {
    const page = await api.ask(DigestPage, { method: 'GET', path: `${DIGESTS_PATH}?position=${position}` });
    return page.from === position ? page.digests.slice(0, MAX_DIGESTS) : [];
  },
});

export type VerifyOptions = GlobalOptions & { json?: true | undefined };

/** Throws `Failure`: nothing seen yet, another history, no answer. */
export const verify = async (network: InterfaceName, options: VerifyOptions): Promise<void> => {
  const paths = pathsOf(network, options);
  const conf = await readConf(paths.conf, network);
  const { head: own } = (await readState(paths, groundOf(conf))).mirror;
  if (!own)
    throw new Failure(`this machine has seen nothing of the history of ${network} yet`, {
      hint: `let it follow the network: innernet up --daemon ${network}`,
    });
  const api = await Api.of(network, conf, paths);
  try {
    const { position, hash } = await checkHistory(own, asked(api));
    if (options.json) {
      const seen = { position: own.position, hash: own.hash };
      answerJson({ network, networkId: own.networkId, seen, server: { position, hash }, isSame: true });
      return;
    }
    answer(`the server's log contains what this machine has seen: ${shortHead(own)}`);
    if (position > own.position) note(`it goes on to ${shortHead({ position, hash })}`);
  } finally {
    api.close();
  }
};

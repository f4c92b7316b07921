/** `innernet ping`: asks the program of another peer through the tunnel, and says by which way and how fast. */
import { setTimeout as pause } from 'node:timers/promises';
import type { GlobalOptions } from '../../cli/options.ts';
import { answer, jsonText } from '../../cli/print.ts';
import { printable } from '../../domain/rejection.ts';
import { Failure } from '../../values/failure.ts';
import type { InterfaceName } from '../../values/name.ts';
import { pathsOf } from '../memory/paths.ts';
import { askOwnerOf } from '../owner/owned-network.ts';
import type { Pinged } from '../sync/follower.ts';
import { type PathOfPeer, reportOf } from './report.ts';

export type PingOptions = GlobalOptions & { count?: number; json?: true };

const COUNT = 5;
const EVERY_MS = 1000;

/** One line an answer; a change of way is said in between. Throws a `Failure` if nothing was answered. */
export const ping = async (network: InterfaceName, peer: string, options: PingOptions): Promise<void> => {
  const { count = COUNT, json } = options;
  let [answers, before]: [number, string | undefined] = [0, undefined];
  for (let turn = 1; turn <= count; turn += 1) {
    const start = performance.now();
    const { name, ip, ms } = await once(network, peer, options);
    const path = (await reportOf(network, options)).peers.find((one) => one.ip === ip)?.path ?? null;
    const way = wayOf(path);
    if (ms !== null) answers += 1;
    if (json) answer(jsonText({ turn, name, ip, ms, path }));
    else {
      if (before !== undefined && before !== way) answer(`the way changed: ${before} → ${way}`);
      answer(`${printable(name)} (${ip}): ${ms === null ? 'no answer' : `${ms.toFixed(1)} ms`}, ${way}`);
    }
    before = way;
    if (turn < count) await pause(Math.max(0, EVERY_MS - (performance.now() - start)));
  }
  if (answers === 0)
    throw new Failure(`the program of ${printable(peer)} does not answer through the tunnel`, {
      hint: `see why: innernet show ${network}; it must run there: innernet up --daemon`,
    });
};

const once = async (network: InterfaceName, peer: string, options: PingOptions): Promise<Pinged> => {
  const pinged = (await askOwnerOf(pathsOf(network, options), { ask: 'ping', peer })) as Pinged | undefined;
  if (pinged) return pinged;
  throw new Failure(`no process follows ${network} on this machine`, {
    hint: `start one: innernet up --daemon ${network}`,
  });
};

const wayOf = (path: PathOfPeer | null): string => {
  if (!path) return 'no way stands';
  const { kind, relay, reason } = path;
  const way = relay === null ? kind : `${kind} by ${printable(relay)}`;
  return reason === null ? way : `${way} (${reason})`;
};

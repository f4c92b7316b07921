/** What a standby's machine gives up when it becomes the server: its program that follows, and the client of the network. */
import { readFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { type ClientPlace, type Promoted, readPromoted } from '../../caller/client-place.ts';
import { removeTable } from '../../filter/kept-table.ts';
import { removeSwapTable } from '../../filter/swap-table.ts';
import { replaceNow } from '../../machine/durable.ts';
import { askLine } from '../../machine/line-socket.ts';
import { ProcessLock } from '../../store/process-lock.ts';
import { Failure } from '../../values/failure.ts';
import type { InterfaceName } from '../../values/name.ts';
import { takeDown } from '../../wireguard/tunnel.ts';

const ENDS_WITHIN_MS = 15_000;
const LOOK_EVERY_MS = 50;

/** Ends `innernet-server standby`, if it runs, and takes its lock. Throws a `Failure` if it does not end. */
export const takeOverLock = async (stem: string, network: string): Promise<ProcessLock> => {
  const what = `a standby or server of ${network}`;
  if (ProcessLock.isHeld(stem)) {
    askToEnd(Number(readFileSync(`${stem}.pid`, 'utf8')));
    const late = performance.now() + ENDS_WITHIN_MS;
    while (ProcessLock.isHeld(stem) && performance.now() < late) await pause(LOOK_EVERY_MS);
  }
  return ProcessLock.take(stem, what);
};

const askToEnd = (pid: number): void => {
  if (!Number.isSafeInteger(pid) || pid <= 1) return;
  try {
    process.kill(pid, 'SIGTERM');
  } catch {
    // it has just ended
  }
};

/** From now on the client stays down here; said again after a crash it changes nothing. */
export const markPromoted = async ({ promoted }: ClientPlace, mark: Promoted): Promise<void> => {
  if (readPromoted(promoted)?.epoch === mark.epoch) return;
  await mkdir(dirname(promoted), { recursive: true, mode: 0o700 });
  replaceNow(promoted, `${JSON.stringify(mark)}\n`);
};

/** Ends the process that follows the network and takes its tunnel down, with what it set up beside it. */
export const stopClient = async (network: InterfaceName, { socket }: ClientPlace): Promise<void> => {
  const silent = `the innernet that follows ${network} here does not answer`;
  await askLine(socket, { ask: 'stop' }, { timeout: ENDS_WITHIN_MS, silent }).catch((cause: Error) => {
    throw new Failure(`the client of ${network} on this machine cannot be stopped: ${cause.message}`, {
      hint: `systemctl stop innernet@${network}, then promote again`,
      cause,
    });
  });
  await removeSwapTable(network).catch(() => {});
  await takeDown(network);
  await removeTable(network);
};

/** The server's clock as it was last proved to this machine, and how far it has come since at least. */
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as z from 'zod';

/** `told`: what the server's clock said, in milliseconds since 1970, when this machine's stood at `here`. */
export const ServerTime = z.object({
  told: z.number().int().nonnegative(),
  here: z.object({ boot: z.string().max(64), uptime: z.number().int().nonnegative() }),
});
export type ServerTime = z.infer<typeof ServerTime>;

/** A clock that nobody sets: which start of this machine, and the milliseconds since, those of a suspend too. */
export type MachineClock = ServerTime['here'];

/** Where `/proc` is hidden, only what this process saw counts. */
const PROCESS = randomUUID();

export const machineClock = (proc = '/proc'): MachineClock => {
  try {
    const [boot, uptime] = ['sys/kernel/random/boot_id', 'uptime'].map((file) =>
      readFileSync(join(proc, file), 'utf8'),
    ) as [string, string];
    return { boot: boot.trim(), uptime: Math.floor(Number.parseFloat(uptime) * 1000) };
  } catch {
    return { boot: PROCESS, uptime: Math.floor(performance.now()) };
  }
};

/**
 * What the server's clock says now at the least, in milliseconds since 1970. How long this machine was off before it
 * started again is not known: its own clock may be wrong.
 */
export const timeThere = ({ told, here }: ServerTime, now: MachineClock): number =>
  here.boot === now.boot ? told + Math.max(0, now.uptime - here.uptime) : told;

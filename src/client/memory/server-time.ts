/** The server's last proved clock, and the least time that has passed since. */
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as z from 'zod';

/** `told`: the server's clock, in milliseconds since 1970, when this machine's was `here`. */
export const ServerTime = z.object({
  told: z.number().int().nonnegative(),
  here: z.object({ boot: z.string().max(64), uptime: z.number().int().nonnegative() }),
});
export type ServerTime = z.infer<typeof ServerTime>;

/** Cannot be set: the boot, and milliseconds since, including suspends. */
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

/** The least, in milliseconds since 1970. Time spent off is unknown: the local clock may be wrong. */
export const timeThere = ({ told, here }: ServerTime, now: MachineClock): number =>
  here.boot === now.boot ? told + Math.max(0, now.uptime - here.uptime) : told;

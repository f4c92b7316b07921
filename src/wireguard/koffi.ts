/** koffi by its native file: its own search for that file takes most of the time that a verb waits for it. */
import { createRequire } from 'node:module';
import type koffi from 'koffi';

type Koffi = typeof koffi;

const load = createRequire(import.meta.url);

/** Where the file is not beside us, or is for another libc, koffi searches. */
export const openKoffi = (arch: string = process.arch): Koffi => {
  try {
    return load(`@koromix/koffi-linux-${arch}/linux_${arch}/koffi.node`) as Koffi;
  } catch {
    return load('koffi') as Koffi;
  }
};

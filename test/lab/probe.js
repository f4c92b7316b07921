// Loaded before a program (node --expose-gc --import probe.js): notes now and then what it holds in memory and open.
// @ts-check
import { appendFileSync, readdirSync } from 'node:fs';
import { isMainThread } from 'node:worker_threads';

const { PROBE_FILE, PROBE_EVERY = '15000' } = process.env;

/** Timers that were set and have neither fired nor been cleared, also those that keep no process alive. */
const timers = new Set();

/** @param {'setTimeout' | 'setInterval'} name */
function watchTimers(name) {
  const real = globalThis[name];
  /** @param {(...args: unknown[]) => void} callback @param {number} delay @param {unknown[]} args */
  const watched = (callback, delay, ...args) => {
    const timer = real(
      (/** @type {unknown[]} */ ...given) => {
        if (name === 'setTimeout') timers.delete(timer);
        callback(...given);
      },
      delay,
      ...args,
    );
    timers.add(timer);
    return timer;
  };
  Object.defineProperties(watched, Object.getOwnPropertyDescriptors(real));
  Reflect.set(globalThis, name, watched);
}

/** @param {'clearTimeout' | 'clearInterval'} name */
function watchClearing(name) {
  const real = globalThis[name];
  Reflect.set(globalThis, name, (/** @type {NodeJS.Timeout} */ timer) => {
    timers.delete(timer);
    real(timer);
  });
}

/** @param {string} file */
function note(file) {
  globalThis.gc?.();
  const { rss, heapUsed, external } = process.memoryUsage();
  const listeners = process.eventNames().reduce((sum, name) => sum + process.listenerCount(name), 0);
  const facts = {
    at: Date.now(),
    pid: process.pid,
    rss,
    heap: heapUsed + external,
    fds: readdirSync('/proc/self/fd').length,
    timers: timers.size,
    handles: process.getActiveResourcesInfo().length,
    listeners,
  };
  appendFileSync(file, `${JSON.stringify(facts)}\n`);
}

if (isMainThread && PROBE_FILE) {
  const every = globalThis.setInterval;
  watchTimers('setTimeout');
  watchTimers('setInterval');
  watchClearing('clearTimeout');
  watchClearing('clearInterval');
  every(() => note(PROBE_FILE), Number(PROBE_EVERY)).unref();
}

/** Waits for SIGTERM (supervisor) or SIGINT (terminal). */

/** Resolves at the first signal. */
export const stopSignal = (): Promise<void> =>
  new Promise((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => resolve());
  });

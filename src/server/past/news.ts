/** Waiting for new records in a log. */
import type { EventLog } from '../../store/log.ts';
import type { Position } from '../../values/id.ts';

/** HTTP calls may take 10 s. */
const MAX_WAIT_MS = 7_000;

/** Resolves when the log goes beyond a position, or after a timeout. Waiting costs nothing. */
export const newsAfter = async (log: Pick<EventLog, 'head' | 'wake'>, after: Position): Promise<void> => {
  let [timer, unsubscribe]: [NodeJS.Timeout | undefined, () => void] = [undefined, () => {}];
  try {
    await new Promise<void>((resolve, reject) => {
      const look = (): void =>
        void log.head().then(({ position }) => {
          if (position > after) resolve();
        }, reject);
      timer = setTimeout(resolve, MAX_WAIT_MS);
      unsubscribe = log.wake(look);
      look();
    });
  } finally {
    clearTimeout(timer);
    unsubscribe();
  }
};

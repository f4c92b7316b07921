/** The history, newest first and live: who did what, with the way back to before it. */
import type { Position } from '../values/id.ts';
import { Do } from './deeds.tsx';
import { useWindow } from './hooks.ts';
import type { Entry, Page } from './page.ts';
import { countText, timeText } from './words.ts';

const ROW_HEIGHT = 34;

const Row = ({ page, entry, isShown }: { page: Page; entry: Entry; isShown: boolean }) => (
  <li class={`row ${isShown ? 'chosen' : ''}`} data-position={entry.position}>
    <button
      type="button"
      class="link position"
      aria-label={`the network after event ${entry.position}`}
      onClick={() => page.goTo(entry.position)}
    >
      {entry.position.toLocaleString('en')}
    </button>
    <time class="dim" dateTime={entry.recordedAt}>
      {timeText(entry.recordedAt)}
    </time>
    <span class="sentence" title={entry.sentence}>
      {entry.sentence}
    </span>
    <span class="deeds">
      <Do page={page} intent={{ do: 'undo', position: entry.commitEnd }}>
        undo
      </Do>
      <Do page={page} intent={{ do: 'undo-since', position: entry.commitEnd }}>
        undo all since
      </Do>
    </span>
  </li>
);

export const HistoryView = ({ page }: { page: Page }) => {
  const { entries, isWhole, isLoading, sentence } = page.history.value;
  const moment = page.moment.value;
  const { ref, first, end } = useWindow(entries.length, ROW_HEIGHT);
  const at: Position | undefined = moment === 'now' ? undefined : moment;
  const rows: Entry[] = [];
  for (let row = first; row < end; row += 1) {
    const entry = entries[entries.length - 1 - row];
    if (entry) rows.push(entry);
  }
  return (
    <section class="history" aria-label="history">
      <p class="dim">
        {isLoading ? 'reading the log…' : countText(entries.length, 'event')}
        {sentence ? `; ${sentence}` : ''}{' '}
        {isWhole || isLoading ? null : (
          <button type="button" onClick={() => page.loadOlder()}>
            load older ones
          </button>
        )}
      </p>
      <div class="rows" ref={ref}>
        <div style={{ height: `${first * ROW_HEIGHT}px` }} />
        <ol reversed aria-label="events, newest first">
          {rows.map((entry) => (
            <Row key={entry.position} page={page} entry={entry} isShown={entry.position === at} />
          ))}
        </ol>
        <div style={{ height: `${Math.max(0, entries.length - end) * ROW_HEIGHT}px` }} />
      </div>
    </section>
  );
};

/** Two moments compared: what came, went and changed, who can reach whom since, and who did it. */
import { Do } from './deeds.tsx';
import type { Comparison, Page } from './page.ts';
import { ReachChange } from './reach.tsx';
import { countText, timeText } from './words.ts';

const Change = ({ count, sign, noun }: { count: number; sign: string; noun: string }) =>
  count === 0 ? null : (
    <li>
      <b aria-hidden="true">{sign}</b> {countText(count, noun)}{' '}
      <span class="unseen">{sign === '+' ? 'added' : sign === '−' ? 'removed' : 'changed'}</span>
    </li>
  );

const Rows = ({ difference }: { difference: Comparison['difference'] }) => (
  <ul class="changes">
    {(['cidrs', 'peers', 'associations'] as const).map((rows) => {
      const noun = { cidrs: 'CIDR', peers: 'peer', associations: 'association' }[rows];
      const { added, removed, changed } = difference[rows];
      return (
        <>
          <Change count={added.length} sign="+" noun={noun} />
          <Change count={removed.length} sign="−" noun={noun} />
          <Change count={changed.length} sign="~" noun={noun} />
        </>
      );
    })}
  </ul>
);

const MAX_EVENTS = 30;

export const Compare = ({ page }: { page: Page }) => {
  const comparison = page.comparison.value;
  if (!comparison) return null;
  const { from, to, difference, by, entries } = comparison;
  return (
    <aside class="details" aria-label="two moments compared">
      <button type="button" class="close" aria-label="end the comparison" onClick={() => page.endCompare()}>
        ✕
      </button>
      <h2>
        {timeText(from.time)} → {page.now.value?.position === to.position ? 'now' : timeText(to.time)}
      </h2>
      <p class="dim">
        events {from.position.toLocaleString('en')} to {to.position.toLocaleString('en')}
      </p>
      <Rows difference={difference} />
      <ReachChange reach={difference.reach} networks={[to.network, from.network]} />
      <section>
        <h3>who did it</h3>
        <p>{by.map(({ who, count }) => `${who} ${count}`).join(' · ')}</p>
        <Do page={page} intent={{ do: 'undo-since', position: from.position }}>
          undo all since
        </Do>
        <ol class="events">
          {entries.slice(0, MAX_EVENTS).map((entry) => (
            <li key={entry.position}>
              <span class="dim">{entry.position}</span> {entry.sentence}
            </li>
          ))}
        </ol>
        {entries.length > MAX_EVENTS ? (
          <p class="dim">and {entries.length - MAX_EVENTS} more: see the history</p>
        ) : null}
      </section>
    </aside>
  );
};

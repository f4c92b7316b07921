/** The slider over the log: by event or by time, with bars where much happened. */
import { useMemo } from 'preact/hooks';
import type { Position } from '../values/id.ts';
import type { Timestamp } from '../values/time.ts';
import { useSize } from './hooks.ts';
import { barsOf } from './map/bars.ts';
import type { Entry, Page } from './page.ts';
import { pace } from './view.ts';
import { timeText } from './words.ts';

const BARS = 240;
const HEIGHT = 24;
/** Of a date under the slider. */
const LABEL_WIDTH = 74;

const msOf = ({ recordedAt }: Entry): number => Date.parse(recordedAt);

type StripProps = { entries: readonly Entry[]; width: number };

/** By time: a bar for each part, as high as much happened. */
const TimeStrip = ({ entries, width }: StripProps) => {
  const [first, last] = [entries[0], entries.at(-1)];
  if (!first || !last) return null;
  const span = Math.max(1, msOf(last) - msOf(first));
  const heights = barsOf(
    entries.map((entry) => (msOf(entry) - msOf(first)) / span),
    BARS,
  );
  const step = width / BARS;
  const bars = heights.map((height, bar) =>
    height === 0
      ? ''
      : `M${bar * step} ${HEIGHT}v${-Math.max(1.5, HEIGHT * height)}h${step * 0.8}V${HEIGHT}z`,
  );
  return <path class="bar" d={bars.join('')} />;
};

/** By event: a band for each day, every second one shaded, with its date where it has room. */
const DayStrip = ({ entries, width }: StripProps) => {
  const last = Math.max(1, entries.at(-1)?.position ?? 1);
  const days = daysOf(entries);
  const placeOf = (position: number): number => ((position - 1) / last) * width;
  let free = 0;
  const labels = days.filter(({ from }) => {
    const hasRoom = placeOf(from) >= free && placeOf(from) + LABEL_WIDTH <= width;
    if (hasRoom) free = placeOf(from) + LABEL_WIDTH;
    return hasRoom;
  });
  const bands = days.map(({ from, until }, index) =>
    index % 2 === 0 ? `M${placeOf(from)} 0H${placeOf(until)}V${HEIGHT}H${placeOf(from)}z` : '',
  );
  return (
    <>
      <path class="day" d={bands.join('')} />
      {labels.map(({ day, from }) => (
        <text key={day} x={placeOf(from) + 3} y="16">
          {day}
        </text>
      ))}
    </>
  );
};

type Day = { day: string; from: number; until: number };

const daysOf = (entries: readonly Entry[]): Day[] => {
  const days: Day[] = [];
  for (const { recordedAt, position } of entries) {
    const day = recordedAt.slice(0, 10);
    const last = days.at(-1);
    if (last?.day === day) last.until = position + 1;
    else days.push({ day, from: position, until: position + 1 });
  }
  return days;
};

const Strip = ({ entries, isByTime }: { entries: readonly Entry[]; isByTime: boolean }) => {
  const [frame, size] = useSize<HTMLDivElement>();
  const width = size?.width ?? 0;
  const strip = useMemo(
    () =>
      isByTime ? <TimeStrip entries={entries} width={width} /> : <DayStrip entries={entries} width={width} />,
    [entries, isByTime, width],
  );
  return (
    <div class="bars" ref={frame}>
      <svg width={width} height={HEIGHT} aria-hidden="true">
        {strip}
      </svg>
    </div>
  );
};

/** The text that `<input type="datetime-local">` shows, in the reader's time zone. */
const localText = (time: Timestamp | null): string => {
  if (time === null) return '';
  const date = new Date(time);
  return new Date(date.getTime() - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
};

/** Of a history that may have gaps. */
const entryAt = (entries: readonly Entry[], position: Position): Entry | undefined => {
  let [from, to] = [0, entries.length];
  while (from < to) {
    const middle = (from + to) >> 1;
    if ((entries[middle]?.position ?? 0) < position) from = middle + 1;
    else to = middle;
  }
  return entries[from]?.position === position ? entries[from] : undefined;
};

/** For a peer that is no admin, who is told of no other moment. */
const NewestOnly = ({ entry }: { entry: Entry | undefined }) => (
  <footer class="slider">
    <output class="at" aria-live="polite">
      <b>now</b> {entry ? `${timeText(entry.recordedAt)} ${entry.sentence}` : ''}
    </output>
  </footer>
);

export const Slider = ({ page }: { page: Page }) => {
  const { entries } = page.history.value;
  const now = page.now.value;
  const shown = page.shown.value;
  const moment = page.moment.value;
  const isByTime = pace.value === 'time';
  const [first, last] = [entries[0], entries.at(-1)];
  if (!now || !shown || !first || !last || !page.about.value?.isAdmin) return <NewestOnly entry={last} />;
  const position = moment === 'now' ? now.position : moment;
  const entry = entryAt(entries, position);
  const isNow = moment === 'now';
  const go = (value: number): void => {
    if (!isByTime) page.goTo(value >= now.position ? 'now' : (value as Position));
    else if (value >= msOf(last)) page.goTo('now');
    else page.goToTime(new Date(value).toISOString() as Timestamp);
  };
  const least = isByTime ? msOf(first) : 0;
  const most = isByTime ? msOf(last) : now.position;
  const time = entry?.recordedAt ?? shown.time;
  const value = isNow ? most : isByTime ? (time ? Date.parse(time) : least) : position;
  const text = isNow ? `now, event ${position}` : `event ${position}, ${timeText(time)}`;
  return (
    <footer class={`slider ${isNow ? '' : 'past'}`}>
      <div class="track">
        <Strip entries={entries} isByTime={isByTime} />
        <input
          type="range"
          aria-label="moment of the log"
          aria-valuetext={text}
          min={least}
          max={most}
          step={1}
          value={value}
          onInput={(event) => go(Number(event.currentTarget.value))}
        />
      </div>
      <div class="moment">
        <button
          type="button"
          aria-label="previous commit"
          aria-keyshortcuts="["
          onClick={() => page.step(-1)}
        >
          ◂
        </button>
        <button
          type="button"
          aria-label="next commit"
          aria-keyshortcuts="]"
          disabled={isNow}
          onClick={() => page.step(1)}
        >
          ▸
        </button>
        <button
          type="button"
          aria-pressed={isByTime}
          onClick={() => {
            pace.value = isByTime ? 'event' : 'time';
          }}
        >
          by time
        </button>
        <input
          type="datetime-local"
          aria-label="go to a time"
          value={localText(isNow ? now.time : time)}
          onChange={(event) => {
            const ms = new Date(event.currentTarget.value).getTime();
            if (!Number.isNaN(ms)) page.goToTime(new Date(ms + 59_999).toISOString() as Timestamp);
          }}
        />
        <output class="at" aria-live="polite">
          <b>{isNow ? 'now' : timeText(time)}</b>{' '}
          <span class="dim">event {position.toLocaleString('en')}</span> {entry?.sentence}
        </output>
        {isNow ? null : (
          <>
            <button type="button" aria-keyshortcuts="d" onClick={() => page.compare(position, 'now')}>
              compare with now
            </button>
            <button type="button" class="main" aria-keyshortcuts="n" onClick={() => page.goTo('now')}>
              now
            </button>
          </>
        )}
      </div>
    </footer>
  );
};

/** What the browser tells of its window: sizes, colours, the rows that are in sight. */

import type { Ref } from 'preact';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import type { Inks } from './paint.ts';
import { STATES } from './words.ts';

export type Size = { width: number; height: number };

/** The inner size of an element, followed. */
export const useSize = <E extends HTMLElement>(): [Ref<E> & { current: E | null }, Size | undefined] => {
  const ref = useRef<E>(null);
  const [size, setSize] = useState<Size>();
  useLayoutEffect(() => {
    const element = ref.current;
    if (!element) return;
    const read = (): void => {
      const { clientWidth: width, clientHeight: height } = element;
      setSize((known) => (known?.width === width && known.height === height ? known : { width, height }));
    };
    const observer = new ResizeObserver(read);
    observer.observe(element);
    read();
    return () => observer.disconnect();
  }, []);
  return [ref, size];
};

const DARK = '(prefers-color-scheme: dark)';

const inksOf = (): Inks => {
  const style = getComputedStyle(document.documentElement);
  const names = [...STATES, 'ink', 'paper', 'line', 'block', 'lit', 'gained', 'lost', 'chosen'] as const;
  return Object.fromEntries(
    names.map((name) => [name, style.getPropertyValue(`--${name}`).trim()]),
  ) as unknown as Inks;
};

/** The style sheet's colours, also when the reader turns to dark. */
export const useInks = (): Inks => {
  const [inks, setInks] = useState(inksOf);
  useEffect(() => {
    const query = matchMedia(DARK);
    const read = (): void => setInks(inksOf());
    query.addEventListener('change', read);
    return () => query.removeEventListener('change', read);
  }, []);
  return inks;
};

/** Rows beyond the edges, so that scrolling shows no gap. */
const SPARE = 8;

/** The part of a long list that is in sight: [first, end). */
export const useWindow = (
  count: number,
  rowHeight: number,
): {
  ref: Ref<HTMLDivElement> & { current: HTMLDivElement | null };
  first: number;
  end: number;
  show: (row: number) => void;
} => {
  const [ref, size] = useSize<HTMLDivElement>();
  const [top, setTop] = useState(0);
  useEffect(() => {
    const element = ref.current;
    if (!element) return;
    const read = (): void => setTop(Math.floor(element.scrollTop / rowHeight) * rowHeight);
    element.addEventListener('scroll', read, { passive: true });
    return () => element.removeEventListener('scroll', read);
  }, [ref, rowHeight]);
  const height = size?.height ?? 600;
  const first = Math.max(0, Math.min(Math.floor(top / rowHeight), count - 1) - SPARE);
  const end = Math.min(count, Math.ceil((top + height) / rowHeight) + SPARE);
  const show = (row: number): void => {
    const element = ref.current;
    if (!element) return;
    const [upper, lower] = [row * rowHeight, (row + 1) * rowHeight];
    if (upper < element.scrollTop) element.scrollTop = upper;
    else if (lower > element.scrollTop + element.clientHeight)
      element.scrollTop = lower - element.clientHeight;
  };
  return { ref, first, end, show };
};

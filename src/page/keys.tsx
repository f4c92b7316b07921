/** The keys of the page, and the list of them. */
import { Dialog } from './dialog.tsx';
import type { Page } from './page.ts';
import { form, TABS, tab, top } from './view.ts';

const KEYS: readonly (readonly [string, string])[] = [
  ['/', 'find a peer or a CIDR'],
  ['1 2 3 4', 'map, matrix, list, history'],
  ['↑ ↓ ← →', 'walk the tree, or the matrix'],
  ['Enter', 'choose: who it can talk with'],
  ['Shift Enter', 'choose a second one: why they can talk'],
  ['z', 'fill the map with a CIDR, and back'],
  ['[ ]', 'previous and next commit'],
  ['d', 'compare the moment with now'],
  ['n', 'now'],
  ['a', 'add a machine'],
  ['Esc', 'close, choose nothing'],
  ['?', 'these keys'],
];

export const KeysDialog = ({ close }: { close: () => void }) => (
  <Dialog title="keys" close={close}>
    <dl class="keys">
      {KEYS.map(([key, meaning]) => (
        <>
          <dt key={key}>
            <kbd>{key}</kbd>
          </dt>
          <dd key={meaning}>{meaning}</dd>
        </>
      ))}
    </dl>
    <p class="answers">
      <button type="button" class="main" onClick={close}>
        close
      </button>
    </p>
  </Dialog>
);

/** Steps back one thing at a time: a comparison, a choice, a zoom, the past. */
const back = (page: Page): void => {
  if (page.comparison.value) page.endCompare();
  else if (page.selection.value.length > 0) page.choose();
  else if (top.value !== undefined) top.value = undefined;
  else page.goTo('now');
};

const deeds = (page: Page): { [key: string]: () => void } => ({
  '/': () => document.getElementById('find')?.focus(),
  '[': () => page.step(-1),
  ']': () => page.step(1),
  n: () => page.goTo('now'),
  d: () => {
    const moment = page.moment.value;
    if (page.comparison.value) page.endCompare();
    else if (moment !== 'now') page.compare(moment, 'now');
  },
  a: () => {
    if (page.about.value?.isAdmin && page.moment.value === 'now') form.value = { ask: 'invite' };
  },
  '?': () => {
    form.value = { ask: 'keys' };
  },
  Escape: () => back(page),
  ...Object.fromEntries(
    TABS.map((name, at) => [
      String(at + 1),
      () => {
        tab.value = name;
      },
    ]),
  ),
});

const isTyping = (target: EventTarget | null): boolean =>
  target instanceof HTMLElement &&
  target.matches('input:not([type=range], [type=checkbox]), select, textarea');

/** Not while something is written, nor in a dialog. */
export const listenToKeys = (page: Page): (() => void) => {
  const table = deeds(page);
  const press = (event: KeyboardEvent): void => {
    if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
    if (document.querySelector('dialog[open]')) return;
    const deed = table[event.key];
    if (!deed) return;
    event.preventDefault();
    deed();
  };
  addEventListener('keydown', press);
  return () => removeEventListener('keydown', press);
};

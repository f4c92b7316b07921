/** Finds a peer or a CIDR by any part of its name or address. */
import { useMemo, useState } from 'preact/hooks';
import { nameText } from '../domain/name-text.ts';
import type { Page, Shown, Thing } from './page.ts';
import { found } from './view.ts';

const MAX_MATCHES = 10;

type Match = { thing: Thing; name: string; where: string };

const matchesOf = ({ network }: Shown, words: string): Match[] => {
  const word = words.trim().toLowerCase();
  if (word === '') return [];
  const matches: Match[] = [];
  const isFull = (): boolean => matches.length >= MAX_MATCHES;
  for (const { id, name, cidr } of network.cidrs())
    if (!isFull() && `${name} ${cidr}`.toLowerCase().includes(word))
      matches.push({ thing: { kind: 'cidr', id }, name, where: cidr });
  for (const { id, name, ip } of network.peers()) {
    if (isFull()) break;
    if (`${name} ${ip}`.toLowerCase().includes(word))
      matches.push({ thing: { kind: 'peer', id }, name, where: ip });
  }
  return matches;
};

export const Find = ({ page, shown }: { page: Page; shown: Shown }) => {
  const words = found.value;
  const [isOpen, setOpen] = useState(false);
  const [at, setAt] = useState(0);
  const matches = useMemo(() => matchesOf(shown, words), [shown, words]);
  const here = Math.min(at, matches.length - 1);
  const isShown = isOpen && matches.length > 0;
  const choose = (match: Match | undefined, also: boolean): void => {
    if (!match) return;
    page.choose(match.thing, { also });
    setOpen(false);
  };
  const keys: { [key: string]: (event: KeyboardEvent) => void } = {
    ArrowDown: () => setAt(Math.min(here + 1, matches.length - 1)),
    ArrowUp: () => setAt(Math.max(here - 1, 0)),
    Enter: (event) => choose(matches[here], event.shiftKey),
    Escape: () => {
      found.value = '';
      setOpen(false);
      document.getElementById('find')?.blur();
    },
  };
  return (
    <div class="find">
      <input
        id="find"
        type="text"
        role="combobox"
        placeholder="find (/)"
        aria-label="find a peer or a CIDR"
        aria-keyshortcuts="/"
        aria-autocomplete="list"
        aria-expanded={isShown}
        aria-controls="matches"
        aria-activedescendant={isShown ? `match-${here}` : undefined}
        autoComplete="off"
        value={words}
        onFocus={() => setOpen(true)}
        onBlur={() => setOpen(false)}
        onInput={(event) => {
          found.value = event.currentTarget.value;
          setAt(0);
          setOpen(true);
        }}
        onKeyDown={(event) => {
          const act = keys[event.key];
          if (!act) return;
          event.preventDefault();
          act(event);
        }}
      />
      <div id="matches" role="listbox" aria-label="found" hidden={!isShown}>
        {matches.map((match, index) => (
          <div
            key={`${match.thing.kind} ${match.thing.id}`}
            id={`match-${index}`}
            role="option"
            tabIndex={-1}
            aria-selected={index === here}
            onMouseDown={(event) => {
              event.preventDefault();
              choose(match, event.shiftKey);
            }}
          >
            {nameText(match.name)} <span class="dim">{match.where}</span>
          </div>
        ))}
      </div>
    </div>
  );
};

/** The sign of a state beside its word, drawn as on the map. */
import type { State } from './words.ts';

const SIGNS = {
  direct: <circle cx="7" cy="7" r="5.5" class="full" />,
  joined: <circle cx="7" cy="7" r="5.5" class="full" />,
  relayed: (
    <>
      <circle cx="7" cy="7" r="5" class="open" />
      <path d="M7 1.5a5.5 5.5 0 0 0 0 11z" class="full" />
    </>
  ),
  silent: <circle cx="7" cy="7" r="4.8" class="open" />,
  disabled: <path d="M2.5 2.5l9 9m0-9l-9 9" class="open" />,
  invited: <circle cx="7" cy="7" r="4.8" class="open dashed" />,
} as const satisfies { [S in State]: unknown };

export const Sign = ({ state }: { state: State }) => (
  <svg class={`sign ${state}`} width="14" height="14" viewBox="0 0 14 14" aria-hidden="true">
    {SIGNS[state]}
  </svg>
);

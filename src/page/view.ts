/** What the reader looks at, which no other browser shares: the tab, the zoom, the open form, the words to find. */
import { signal } from '@preact/signals';
import type { Association } from '../domain/association-graph.ts';
import type { CidrId } from '../values/id.ts';

export const TABS = ['map', 'matrix', 'list', 'history'] as const;
export type Tab = (typeof TABS)[number];

/** A form that gathers what an intent needs. */
export type Form =
  | { ask: 'invite'; cidr?: string }
  | { ask: 'rename-peer'; peer: string }
  | { ask: 'add-cidr'; parent: string }
  | { ask: 'rename-cidr'; cidr: string }
  | { ask: 'associate'; cidr?: string }
  | { ask: 'add-phone'; cidr: string }
  | { ask: 'limit'; association: Association }
  | { ask: 'keys' };

export const tab = signal<Tab>('map');
/** The block that fills the map. */
export const top = signal<CidrId | undefined>(undefined);
export const form = signal<Form | undefined>(undefined);
export const found = signal('');
/** The way in which the slider goes: each event as far as the next, or by the clock. */
export const pace = signal<'event' | 'time'>('event');

/** The part of a network's table by which packets that go around an exit are known again when they are answered. */
import type { InterfaceName } from '../values/name.ts';
import type { Chain } from './filter-table.ts';

/**
 * What bears the mark is remembered with its connection, and its answers bear it before the kernel asks whether their
 * sender has a route back. Who calls this machine from outside is answered there, not through the exit.
 */
export const exitMarks = (device: InterfaceName, mark: number): Chain[] => [
  {
    name: 'exit-in',
    at: { hook: 'prerouting', priority: 'mangle' },
    rules: [
      `iifname { "lo", "${device}" } return`,
      `ct state new fib daddr type local ct mark set ${mark}`,
      `ct mark ${mark} meta mark set ${mark}`,
    ],
  },
  {
    name: 'exit-answer',
    at: { type: 'route', hook: 'output', priority: 'mangle' },
    rules: [`ct direction reply ct mark ${mark} meta mark set ${mark}`],
  },
  {
    name: 'exit-out',
    at: { hook: 'postrouting', priority: 'mangle' },
    rules: [`meta mark ${mark} ct mark set ${mark}`],
  },
];

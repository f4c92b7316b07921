// The Grafana board: what Grafana wants of a board, metrics that there are, and each of them on it.
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import * as z from 'zod';

const Place = z.strictObject({ x: z.int().min(0), y: z.int().min(0), w: z.int().min(1), h: z.int().min(1) });
const Source = z.strictObject({ type: z.literal('prometheus'), uid: z.string().regex(/^\$\{datasource\}$/) });
/** The parts of Grafana's own schema (kind `dashboard`, v0) that this board has. */
const Board = z.strictObject({
  title: z.string(),
  uid: z.string().max(40),
  tags: z.array(z.string()),
  schemaVersion: z.int().min(36),
  version: z.int(),
  editable: z.boolean(),
  graphTooltip: z.int().max(2),
  time: z.strictObject({ from: z.string(), to: z.string() }),
  refresh: z.string(),
  templating: z.strictObject({
    list: z.array(
      z.looseObject({ name: z.string(), type: z.enum(['datasource', 'query']), query: z.string() }),
    ),
  }),
  panels: z.array(
    z.strictObject({
      id: z.int(),
      type: z.enum(['stat', 'timeseries']),
      title: z.string(),
      description: z.string().optional(),
      gridPos: Place,
      datasource: Source,
      fieldConfig: z.strictObject({
        defaults: z.strictObject({ unit: z.string(), min: z.number() }),
        overrides: z.array(z.never()),
      }),
      targets: z
        .array(z.strictObject({ refId: z.string(), expr: z.string(), legendFormat: z.string() }))
        .min(1),
    }),
  ),
});

const board = Board.parse(JSON.parse(readFileSync('docs/grafana.json', 'utf8')));
const expressions = board.panels.flatMap(({ targets }) => targets.map(({ expr }) => expr));

/** From the table in docs, which test/server/metrics.test.ts holds against the server. */
const kinds = new Map(
  Array.from(
    readFileSync('docs/metrics.md', 'utf8').matchAll(
      /^\| `(innernet_\w+)` \| (gauge|counter|histogram) \|/gm,
    ),
    ([, name = '', kind = '']) => [name, kind],
  ),
);

it('has its panels side by side, each with a number of its own', () => {
  expect(new Set(board.panels.map(({ id }) => id)).size).toBe(board.panels.length);
  const taken = new Set<string>();
  for (const { gridPos } of board.panels) {
    expect(gridPos.x + gridPos.w).toBeLessThanOrEqual(24);
    for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++)
      for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
        expect(taken).not.toContain(`${x} ${y}`);
        taken.add(`${x} ${y}`);
      }
  }
});

it('asks only for metrics that there are, each as its kind is asked', () => {
  for (const expression of expressions)
    for (const [, before, name = ''] of expression.matchAll(/(\w*\(|)(innernet_\w+)/g)) {
      const bare = name.replace(/_bucket$/, '');
      const kind = kinds.get(name) ?? (kinds.get(bare) === 'histogram' ? 'histogram' : undefined);
      expect([expression, kind]).toEqual([expression, expect.any(String)]);
      expect([expression, name.endsWith('_bucket')]).toEqual([expression, kind === 'histogram']);
      if (kind === 'counter') expect(before).toMatch(/^(rate|increase)\($/);
      if (kind === 'gauge') expect(before).not.toMatch(/^(rate|increase)\($/);
    }
});

it('has every metric on it, of the servers that are chosen', () => {
  const shown = expressions.join('\n');
  for (const name of kinds.keys())
    expect(shown).toMatch(new RegExp(`${name}(_bucket)?\\{instance=~"\\$instance"`));
  expect(kinds.size).toBeGreaterThan(15);
});

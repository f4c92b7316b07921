// README's first network and every page of examples/, typed word for word on real hosts with the real programs.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { Stage } from '../page.ts';

const pages = [
  'README.md',
  ...(existsSync('examples') ? readdirSync('examples').map((file) => `examples/${file}`) : []),
];

describe('pages that show commands', () => {
  it.concurrent.each(pages)('%s runs as it stands', { timeout: 240_000 }, async (page) => {
    const stage = await Stage.create();
    try {
      expect(await stage.play(readFileSync(page, 'utf8'))).toBeGreaterThan(0);
    } finally {
      await stage.close();
    }
  });
});

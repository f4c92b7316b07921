// A page that nobody uses ends its program; one that is open does not.
import { expect, it } from 'vitest';
import { Idle } from '../../src/ui/idle.ts';

it('is over only when nobody holds it', async () => {
  const idle = new Idle(1);
  const release = idle.hold();
  idle.touch();
  let isOver = false;
  void idle.over.then(() => {
    isOver = true;
  });
  // Many times as long passes while it is held.
  await new Idle(30).over;
  expect(isOver).toBe(false);
  release();
  await idle.over;
});

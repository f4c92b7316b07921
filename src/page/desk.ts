/** Where the page's parts ask: the door with who this reader is, and what could not be done. */
import { signal } from '@preact/signals';
import { PAGE_PATHS } from '../protocol/page.ts';
import type { AnswerTo, Asked, QuestionOf } from '../protocol/past.ts';
import type { Door } from './door.ts';
import type { About, PageRefusal } from './page.ts';
import { ADMINS_ONLY, refusalIn } from './refusals.ts';

export class Desk {
  readonly door: Door;
  readonly about = signal<About | undefined>(undefined);
  readonly trouble = signal<PageRefusal | undefined>(undefined);

  constructor(door: Door) {
    this.door = door;
  }

  ask<A extends Asked>(question: QuestionOf<A>): Promise<AnswerTo<A>> {
    return this.door.call<AnswerTo<A>>(PAGE_PATHS.ask, { question });
  }

  /** Says why not. */
  mayAsk(): boolean {
    if (this.about.value?.isAdmin !== false) return true;
    this.trouble.value = ADMINS_ONLY;
    return false;
  }

  fail(error: unknown): void {
    this.trouble.value = refusalIn(error);
  }
}

/** The way from the page to the program that shows it: a key for a token, calls, and streams of lines. */
import type { News, PageRefusal } from '../protocol/page.ts';
import { COUNTERSIGN_HEADER, PAGE_PATHS } from '../protocol/page.ts';

/** For this tab alone, so that a reload goes on. */
const STORED_KEY = 'innernet-key';
const STORED_COUNTERSIGN = 'innernet-countersign';

/** A rule or the server said no. */
export class Refused extends Error {
  readonly refusal: PageRefusal;

  constructor(refusal: PageRefusal) {
    super(refusal.sentence);
    this.refusal = refusal;
  }
}

/** The program that shows the page does not answer, or does not know this tab any more. */
export class Gone extends Error {
  readonly isForGood: boolean;

  constructor(isForGood: boolean) {
    super('the program that shows this page is gone');
    this.isForGood = isForGood;
  }
}

const refusalIn = async (response: Response): Promise<PageRefusal> => {
  try {
    return (await response.json()) as PageRefusal;
  } catch {
    return { sentence: `the program answered with HTTP status ${response.status}` };
  }
};

export class Door {
  readonly #key: string;
  readonly #countersign: string;

  private constructor(key: string, countersign: string) {
    this.#key = key;
    this.#countersign = countersign;
  }

  /** With the token of the address, which works once, or with the key of before. Throws `Gone`. */
  static async enter(): Promise<Door> {
    const token = location.hash.slice(1);
    if (token) {
      history.replaceState(null, '', location.pathname);
      const response = await send(PAGE_PATHS.enter, { token });
      if (response.ok) {
        const { key, countersign } = (await response.json()) as { key: string; countersign: string };
        sessionStorage.setItem(STORED_KEY, key);
        sessionStorage.setItem(STORED_COUNTERSIGN, countersign);
      }
    }
    const key = sessionStorage.getItem(STORED_KEY);
    const countersign = sessionStorage.getItem(STORED_COUNTERSIGN);
    if (key === null || countersign === null) throw new Gone(true);
    return new Door(key, countersign);
  }

  /** Throws `Refused` or `Gone`. */
  async call<T>(path: string, body: object = {}): Promise<T> {
    return (await (await this.#answer(path, body)).json()) as T;
  }

  /** Until the other side or the signal ends it. */
  async *lines(path: string, body: object, signal: AbortSignal): AsyncGenerator<News> {
    const { body: stream } = await this.#answer(path, body, signal);
    if (!stream) return;
    const reader = stream.pipeThrough(new TextDecoderStream()).getReader();
    let rest = '';
    try {
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return;
        const lines = (rest + value).split('\n');
        rest = lines.pop() ?? '';
        for (const line of lines) yield JSON.parse(line) as News;
      }
    } finally {
      await reader.cancel().catch(() => {});
    }
  }

  async #answer(path: string, body: object, signal?: AbortSignal): Promise<Response> {
    const response = await send(path, body, { key: this.#key, signal });
    if (response.status === 401) throw new Gone(true);
    // Another program listens where ours has ended: nothing of its answer is read.
    if (response.headers.get(COUNTERSIGN_HEADER) !== this.#countersign) {
      await response.body?.cancel();
      throw new Gone(false);
    }
    if (!response.ok) throw new Refused(await refusalIn(response));
    return response;
  }
}

const send = async (
  path: string,
  body: object,
  { key, signal }: { key?: string; signal?: AbortSignal | undefined } = {},
): Promise<Response> => {
  try {
    return await fetch(path, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...(key ? { authorization: `Bearer ${key}` } : {}) },
      body: JSON.stringify(body),
      ...(signal ? { signal } : {}),
    });
  } catch {
    throw new Gone(false);
  }
};

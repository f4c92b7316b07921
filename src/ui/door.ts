/** The loopback server of the page: files for everybody, answers for a key, nothing for other sites. */

import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type * as z from 'zod';
import { LookRequest } from '../protocol/looking.ts';
import {
  COUNTERSIGN_HEADER,
  Entrance,
  type News,
  PAGE_PATHS,
  PageQuestion,
  type PageRefusal,
  Stretch,
  ToCommit,
  ToPrepare,
} from '../protocol/page.ts';
import { isOwn, SAFE_HEADERS } from './guard.ts';
import type { Idle } from './idle.ts';
import type { Keys } from './keys.ts';
import { freshName, listenOnLoopback } from './loopback.ts';
import type { PageFiles } from './page-files.ts';

export interface Answers {
  first(): Promise<unknown>;
  ask(question: z.infer<typeof PageQuestion>): Promise<unknown>;
  ways(look: LookRequest): Promise<unknown>;
  prepare(order: z.infer<typeof ToPrepare>): Promise<unknown>;
  commit(order: z.infer<typeof ToCommit>): Promise<unknown>;
  past(stretch: z.infer<typeof Stretch>): AsyncIterable<News>;
  follow(stretch: z.infer<typeof Stretch>, signal: AbortSignal): AsyncIterable<News>;
  refusalOf(error: unknown): PageRefusal;
}

export type Inside = { answers: Answers; files: PageFiles; keys: Keys; idle: Idle };

const MAX_BODY_BYTES = 16 * 1024;
const MAX_STREAMS = 16;

/** Answers 400. */
class NotUnderstood extends Error {}

const bodyOf = async (request: IncomingMessage): Promise<unknown> => {
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of request) {
      length += (chunk as Buffer).length;
      if (length > MAX_BODY_BYTES) throw new NotUnderstood('the body is too long');
      chunks.push(chunk as Buffer);
    }
  } catch (error) {
    // Who hangs up half-way is no fault of this program, whose terminal others must not fill.
    throw error instanceof NotUnderstood ? error : new NotUnderstood('the body ended early');
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString());
  } catch {
    throw new NotUnderstood('the body is no JSON');
  }
};

const parsed = <S extends z.ZodType>(schema: S, body: unknown): z.output<S> => {
  const { success, data } = schema.safeParse(body);
  if (success) return data;
  throw new NotUnderstood('the program does not understand this request');
};

const headerOf = ({ headers }: IncomingMessage, name: string): string | undefined => {
  const value = headers[name];
  return Array.isArray(value) ? value[0] : value;
};

const pathOf = ({ url = '' }: IncomingMessage): string => url.split('?')[0] ?? '';

const answer = (response: ServerResponse, status: number, type: string, body: string | Buffer): void => {
  response.writeHead(status, { ...SAFE_HEADERS, 'content-type': type }).end(body);
};

const answerJson = (response: ServerResponse, status: number, value: unknown): void =>
  answer(response, status, 'application/json', JSON.stringify(value));

const refuse = (response: ServerResponse, status: number): void =>
  answer(response, status, 'text/plain; charset=utf-8', '');

class Door {
  readonly #inside: Inside;
  /** Of this run. */
  readonly #name: string;
  #streams = 0;

  constructor(inside: Inside, name: string) {
    this.#inside = inside;
    this.#name = name;
  }

  async hear(request: IncomingMessage, response: ServerResponse, know: () => void): Promise<void> {
    const path = pathOf(request);
    const asked = {
      method: request.method ?? '',
      path,
      host: headerOf(request, 'host'),
      origin: headerOf(request, 'origin'),
      site: headerOf(request, 'sec-fetch-site'),
      dest: headerOf(request, 'sec-fetch-dest'),
    };
    if (!isOwn(asked, this.#name)) return refuse(response, 403);
    const file = this.#inside.files.get(path);
    if (file && request.method === 'GET') return answer(response, 200, file.type, file.body);
    if (request.method !== 'POST') return refuse(response, 404);
    if (path === PAGE_PATHS.enter) return this.#enter(request, response);
    const countersign = this.#countersignFor(request);
    if (countersign === undefined) return refuse(response, 401);
    know();
    response.setHeader(COUNTERSIGN_HEADER, countersign);
    this.#inside.idle.touch();
    await this.#serve(path, request, response);
  }

  async #enter(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { token } = parsed(Entrance, await bodyOf(request));
    const entered = this.#inside.keys.enter(token);
    if (entered === undefined) return refuse(response, 401);
    this.#inside.idle.touch();
    answerJson(response, 200, entered);
  }

  #countersignFor(request: IncomingMessage): string | undefined {
    const [, key] = /^Bearer ([\w-]{43})$/.exec(headerOf(request, 'authorization') ?? '') ?? [];
    return key === undefined ? undefined : this.#inside.keys.countersignFor(key);
  }

  async #serve(path: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { answers } = this.#inside;
    const body = await bodyOf(request);
    const say = async (work: Promise<unknown>): Promise<void> => answerJson(response, 200, await work);
    switch (path) {
      case PAGE_PATHS.first:
        return say(answers.first());
      case PAGE_PATHS.ask:
        return say(answers.ask(parsed(PageQuestion, body)));
      case PAGE_PATHS.ways:
        return say(answers.ways(parsed(LookRequest, body)));
      case PAGE_PATHS.prepare:
        return say(answers.prepare(parsed(ToPrepare, body)));
      case PAGE_PATHS.commit:
        return say(answers.commit(parsed(ToCommit, body)));
      case PAGE_PATHS.past:
      case PAGE_PATHS.follow:
        return this.#stream(path, parsed(Stretch, body), response);
      default:
        return refuse(response, 404);
    }
  }

  /** An open stream is a page in use. */
  async #stream(path: string, stretch: z.infer<typeof Stretch>, response: ServerResponse): Promise<void> {
    const { answers, idle } = this.#inside;
    if (this.#streams >= MAX_STREAMS) return refuse(response, 429);
    const gone = new AbortController();
    response.once('close', () => gone.abort());
    this.#streams += 1;
    const release = idle.hold();
    try {
      const news = path === PAGE_PATHS.past ? answers.past(stretch) : answers.follow(stretch, gone.signal);
      for await (const item of news) {
        if (!response.headersSent)
          response.writeHead(200, { ...SAFE_HEADERS, 'content-type': 'application/x-ndjson' });
        if (!response.write(`${JSON.stringify(item)}\n`))
          await once(response, 'drain', { signal: gone.signal }).catch(() => {});
        if (gone.signal.aborted) return;
      }
      if (!response.headersSent)
        response.writeHead(200, { ...SAFE_HEADERS, 'content-type': 'application/x-ndjson' });
      response.end();
    } finally {
      release();
      this.#streams -= 1;
    }
  }

  fail(error: unknown, response: ServerResponse): void {
    if (response.headersSent) response.destroy();
    else if (error instanceof NotUnderstood) answerJson(response, 400, { sentence: error.message });
    else answerJson(response, 422, this.#inside.answers.refusalOf(error));
  }
}

export type OpenDoor = { port: number; origin: string; close: () => Promise<void> };

/** Listens on loopback; port 0: any free one. Throws `Failure` if the port is taken. */
export const openDoor = async (inside: Inside, port: number): Promise<OpenDoor> => {
  const name = freshName();
  const door = new Door(inside, name);
  const listening = await listenOnLoopback((request, response, know) => {
    door.hear(request, response, know).catch((error: unknown) => door.fail(error, response));
  }, port);
  return { ...listening, origin: `http://${name}:${listening.port}` };
};

/** Bodies from strangers: bounded in length as they are read, and in depth before they are parsed as JSON. */
import type { IncomingMessage } from 'node:http';
import { MAX_BODY_BYTES } from '../../protocol/http.ts';
import { BadRequest } from './refusal.ts';

/** Objects and lists within each other, at most. */
const DEEPEST = 8;

const bodies = new WeakMap<IncomingMessage, Promise<Buffer>>();

/** The bytes of a request's body, which both the door and a route may ask for. Throws a `BadRequest`. */
export const bodyOf = (request: IncomingMessage): Promise<Buffer> => {
  const body = bodies.get(request) ?? read(request);
  bodies.set(request, body);
  return body;
};

/** Whether a request has a body at all. */
export const hasBody = ({ headers }: IncomingMessage): boolean =>
  headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;

const read = (request: IncomingMessage): Promise<Buffer> =>
  new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let length = Number(request.headers['content-length'] ?? 0);
    if (length > MAX_BODY_BYTES) return reject(tooLarge());
    length = 0;
    const end = (error?: Error): void => {
      request.off('data', take).off('end', end).off('error', fail).off('close', fail);
      if (error) reject(error);
      else resolve(Buffer.concat(chunks));
    };
    const take = (chunk: Buffer): void => {
      length += chunk.length;
      if (length > MAX_BODY_BYTES) end(tooLarge());
      else chunks.push(chunk);
    };
    const fail = (): void => end(new BadRequest('the request was cut off'));
    request.on('data', take).on('end', end).on('error', fail).on('close', fail);
  });

const tooLarge = (): BadRequest =>
  new BadRequest(`a body has at most ${MAX_BODY_BYTES} bytes`, { status: 413, code: 'BodyTooLarge' });

/** How deep the brackets of a JSON text go, those within strings left out. */
const depthOf = (text: string): number => {
  let [depth, deepest] = [0, 0];
  for (const [token] of text.matchAll(/"(?:[^"\\]|\\[\s\S])*"?|[[{]|[\]}]/g)) {
    if (token === '[' || token === '{') deepest = Math.max(deepest, ++depth);
    else if (token === ']' || token === '}') depth--;
  }
  return deepest;
};

/** The value of a body; undefined when it is empty. Throws a `BadRequest`. */
export const parseJson = (text: string): unknown => {
  if (text === '') return undefined;
  if (depthOf(text) > DEEPEST)
    throw new BadRequest(`the body is nested deeper than ${DEEPEST} levels`, { code: 'BodyTooDeep' });
  try {
    return JSON.parse(text);
  } catch {
    throw new BadRequest('the body is not JSON', { code: 'InvalidJson' });
  }
};

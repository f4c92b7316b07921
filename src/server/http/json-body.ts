/** Request bodies, limited in length while reading and in depth before parsing. */
import type { IncomingMessage } from 'node:http';
import { MAX_BODY_BYTES } from '../../protocol/http.ts';
import { BadRequest } from './refusal.ts';

/** Of nested objects and lists. */
const MAX_DEPTH = 8;

const bodies = new WeakMap<IncomingMessage, Promise<Buffer>>();

/** May be called again. Throws a `BadRequest`. */
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

/** Strings are skipped. */
const depthOf = (text: string): number => {
  let [depth, deepest] = [0, 0];
  for (const [token] of text.matchAll(/"(?:[^"\\]|\\[\s\S])*"?|[[{]|[\]}]/g)) {
    if (token === '[' || token === '{') deepest = Math.max(deepest, ++depth);
    else if (token === ']' || token === '}') depth--;
  }
  return deepest;
};

/** Undefined if empty. Throws a `BadRequest`. */
export const parseJson = (text: string): unknown => {
  if (text === '') return undefined;
  if (depthOf(text) > MAX_DEPTH)
    throw new BadRequest(`the body is nested deeper than ${MAX_DEPTH} levels`, { code: 'BodyTooDeep' });
  try {
    return JSON.parse(text);
  } catch {
    throw new BadRequest('the body is not JSON', { code: 'InvalidJson' });
  }
};

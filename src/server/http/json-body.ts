/** JSON from strangers: bounded in depth before it is parsed; its length is bounded by whoever read it. */
import { BadRequest } from './refusal.ts';

/** Objects and lists within each other, at most. */
const DEEPEST = 8;

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

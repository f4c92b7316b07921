// Who is heard on loopback: the page itself and a visit to it, nobody else's page, no other name.
import { describe, expect, it } from 'vitest';
import { type Asked, isOwn, SAFE_HEADERS } from '../../src/ui/guard.ts';
import { freshName } from '../../src/ui/loopback.ts';

const name = freshName();
const own: Asked = {
  method: 'POST',
  path: '/first',
  host: '127.0.0.1:4000',
  origin: 'http://127.0.0.1:4000',
  site: 'same-origin',
  dest: 'empty',
};
const visit: Asked = { ...own, method: 'GET', path: '/', origin: undefined, site: 'none', dest: 'document' };

describe('is heard', () => {
  const heard = (what: string, asked: Asked) => it(what, () => expect(isOwn(asked, name)).toBe(true));

  heard('the page', own);
  heard('the page by the name of this run', { ...own, host: `${name}:9`, origin: `http://${name}:9` });
  heard('the page through ssh -L', { ...own, host: 'localhost:9', origin: 'http://localhost:9' });
  heard('the page over IPv6', { ...own, host: '[::1]:9', origin: 'http://[::1]:9' });
  heard('its script, which has no origin', { ...own, method: 'GET', path: '/page.js', origin: undefined });
  heard('an address that is typed', visit);
  heard('the file that hands over the token', { ...visit, site: 'cross-site' });
});

describe('is not heard', () => {
  const unheard = (what: string, asked: Asked) => it(what, () => expect(isOwn(asked, name)).toBe(false));

  unheard('a rebound name', { ...own, host: 'cakes.example:4000', origin: 'http://cakes.example:4000' });
  unheard('a name that begins like ours', { ...own, host: 'localhost.cakes.example', origin: undefined });
  const earlier = freshName();
  unheard('the name of an earlier run', { ...own, host: `${earlier}:9`, origin: `http://${earlier}:9` });
  unheard('no name', { ...own, host: undefined });
  unheard('another origin', { ...own, origin: 'http://cakes.example' });
  unheard('another port of this machine', { ...own, origin: 'http://127.0.0.1:4001', site: 'same-site' });
  unheard('an origin that hides itself', { ...own, origin: 'null' });
  unheard('another site', { ...own, origin: undefined, site: 'cross-site' });
  unheard('what does not say where it comes from', { ...own, site: undefined });
  unheard('a visit that does not say so', { ...visit, site: undefined });
  unheard('a frame', { ...visit, site: 'cross-site', dest: 'iframe' });
  unheard('a script of another site', { ...visit, path: '/page.js', site: 'cross-site', dest: 'script' });
  unheard('a form of another site', { ...own, path: '/', site: 'cross-site', dest: 'document' });
});

it('forbids what is not the page’s own, and frames', () => {
  const policy = SAFE_HEADERS['content-security-policy'];
  expect(policy).toMatch(/^default-src 'none'; script-src 'self'; style-src 'self';/);
  expect(policy).toContain("frame-ancestors 'none'");
  expect(policy).not.toMatch(/unsafe|\*/);
});

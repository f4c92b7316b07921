/** Which requests the loopback server hears: those of its own page in a browser on this machine. */

export type Asked = {
  method: string;
  path: string;
  host: string | undefined;
  origin: string | undefined;
  /** `Sec-Fetch-Site` and `Sec-Fetch-Dest`, which no page can forge. */
  site: string | undefined;
  dest: string | undefined;
};

/** For a browser that does not find the fresh name. */
const LOOPBACK: readonly string[] = ['127.0.0.1', 'localhost', '[::1]'];

/** Any port: `ssh -L` may lead here from another. A rebound name fails. */
const isHere = (host: string, name: string): boolean =>
  [...LOOPBACK, name].includes(host.replace(/:\d{1,5}$/, ''));

/**
 * The page itself holds no secret and is never framed, so a link may lead to it: a file that hands over
 * the token is another site to the browser.
 */
const isVisit = ({ method, path, dest, site }: Asked): boolean =>
  method === 'GET' && path === '/' && dest === 'document' && site !== undefined;

/** Whether the request may be looked at; what it may do is a matter of its key. `name`: of this run. */
export const isOwn = (asked: Asked, name: string): boolean => {
  const { host, origin, site } = asked;
  if (host === undefined || !isHere(host, name)) return false;
  if (origin !== undefined && origin !== `http://${host}`) return false;
  return site === 'same-origin' || isVisit(asked);
};

/** Of each answer. */
export const SAFE_HEADERS: Readonly<Record<string, string>> = {
  'content-security-policy': [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data:",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ].join('; '),
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'cache-control': 'no-store',
};

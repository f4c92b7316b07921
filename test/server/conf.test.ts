// The server's conf: innernet 2.0's format in and out, and a sentence for everything that can be wrong with it.
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { formatConf, internalEndpoint, parseConf, rangeOf, readConf } from '../../src/server/disk/conf.ts';
import { keysOf } from '../acme.ts';

const key = keysOf('server').privateKey.reveal();
const text = (over: Record<string, string | undefined> = {}): string =>
  Object.entries({
    'private-key': `"${key}"`,
    'listen-port': '51820',
    address: '"10.42.0.1"',
    'network-cidr-prefix': '16',
    ...over,
  })
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name} = ${value}\n`)
    .join('');

const folder = mkdtempSync(join(tmpdir(), 'conf-'));
afterAll(() => rmSync(folder, { recursive: true }));

describe('the conf', () => {
  it('is read as innernet writes it, and written as it was read', () => {
    const conf = parseConf(text(), 'acme.conf');
    expect([conf.listenPort, conf.address, rangeOf(conf), internalEndpoint(conf)]).toEqual([
      51820,
      '10.42.0.1',
      '10.42.0.0/16',
      '10.42.0.1:51820',
    ]);
    expect(formatConf(conf)).toBe(text());
    expect(JSON.stringify(conf)).not.toContain(key);
  });

  it('may be of an IPv6 network', () => {
    const conf = parseConf(text({ address: '"fd42::1"', 'network-cidr-prefix': '48' }), 'acme.conf');
    expect([rangeOf(conf), internalEndpoint(conf)]).toEqual(['fd42::/48', '[fd42::1]:51820']);
  });

  it.each([
    [{ 'private-key': undefined }, '"private-key" is missing'],
    [{ 'private-key': '"short"' }, '"private-key": a private key is 32 bytes in base64'],
    [{ 'listen-port': '0' }, '"listen-port"'],
    [{ 'listen-port': '"51820"' }, '"listen-port"'],
    [{ address: '"10.42.0.256"' }, '"address": "10.42.0.256" is not an IP address'],
    [{ 'network-cidr-prefix': '33' }, '"network-cidr-prefix": a prefix of 10.42.0.1 is at most 32'],
  ])('with %j is refused: %s', (over, words) =>
    expect(() => parseConf(text(over), '/etc/acme.conf')).toThrow(`/etc/acme.conf: ${words}`),
  );

  it('never shows the key when it cannot be understood', () => {
    for (const broken of [
      text().replace('" \n', '\n'),
      `private-key = "${key}\n`,
      `private-key = ${key}\n`,
      text({ address: `"10.42.0.1${key}"` }),
    ]) {
      let message = '';
      try {
        parseConf(broken, 'acme.conf');
      } catch (error) {
        message = String(error);
      }
      expect(message).not.toContain(key.slice(0, 12));
    }
    expect(() => parseConf(`private-key = "${key}\n`, 'acme.conf')).toThrow('line 1 is not valid TOML');
  });

  it("says so when it is a client's", () => {
    const error = (() => {
      try {
        parseConf('[interface]\nnetwork-name = "acme"\n', 'acme.conf');
      } catch (thrown) {
        return thrown as { hint: string };
      }
      return undefined;
    })();
    expect(error?.hint).toContain("a client's");
  });

  it('warns when others can get at it', () => {
    const file = join(folder, 'acme.conf');
    writeFileSync(file, text(), { mode: 0o600 });
    const warnings: string[] = [];
    readConf(file, (message) => warnings.push(message));
    chmodSync(file, 0o660); // a documented set-up for a group
    readConf(file, (message) => warnings.push(message));
    expect(warnings).toEqual([]);
    chmodSync(file, 0o644);
    readConf(file, (message) => warnings.push(message));
    expect(warnings).toEqual([expect.stringContaining('(mode 644): chmod o=')]);
  });

  it('names the network that is not there', () =>
    expect(() => readConf(join(folder, 'nobody.conf'))).toThrow('there is no network here by that name'));
});

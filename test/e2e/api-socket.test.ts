// The API is reached through the WireGuard device and through nothing else: tried from the underlay, both families.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Host, Lab, type Running } from '../lab.ts';
import { bundled } from '../server/bundled.ts';

let lab: Lab;
let server: Host;
let eve: Host;
let listener: Awaited<ReturnType<typeof bundled>>;

beforeAll(async () => {
  listener = await bundled('test/server/listener.ts');
});
afterAll(() => listener.remove());

beforeEach(async () => {
  lab = await Lab.create();
  server = await lab.host('server');
  eve = await lab.host('eve');
});
afterEach(() => lab.close());

/** A device `acme` on the server as WireGuard would be, with `ann` at the other end. */
const connectAnn = async (ann: Host): Promise<void> => {
  const add = (host: Host, lines: string[]) =>
    host.sure(['ip', '-batch', '-'], { input: `${lines.join('\n')}\n` });
  await add(server, [
    `link add acme type veth peer name acme netns ${ann.pid}`,
    'addr add 10.42.0.1/16 dev acme',
    'addr add fd42::1/48 dev acme nodad',
    'link set acme up',
  ]);
  await add(ann, [
    'addr add 10.42.1.1/16 dev acme',
    'addr add fd42::1:1/48 dev acme nodad',
    'link set acme up',
  ]);
};

const start = (address: string): Running =>
  server.spawn([process.execPath, listener.path, 'acme', address, '51820']);

/** What a host hears from the API: its answer, or nothing. */
const ask = (host: Host, url: string, localAddress?: string): Promise<string> => {
  const script = `
    require('http').get(${JSON.stringify(url)}, ${JSON.stringify({ localAddress })}, (answer) => answer.on('end', () => process.exit()).pipe(process.stdout))
      .on('error', () => {});
    setTimeout(() => process.exit(), 1500);
  `;
  return host.exec([process.execPath, '-e', script]).then(({ stdout }) => stdout);
};

/** Counts TCP packets from an address, refusals (RST) left out, that come back while something is tried. */
const repliesTo = async (host: Host, filter: string, trial: () => Promise<unknown>): Promise<number> => {
  await host.sure(['nft', '-f', '-'], {
    input: `table inet lab_count {
      chain in {
        type filter hook input priority 0
        ${filter} tcp sport 51820 tcp flags & rst == 0 counter
      }
    }\n`,
  });
  await trial();
  const rules = await host.sure(['nft', '-j', 'list', 'table', 'inet', 'lab_count']);
  await host.sure(['nft', 'delete', 'table', 'inet', 'lab_count']);
  return Number(/"packets": ?(\d+)/.exec(rules)?.[1]);
};

describe.each([
  ['IPv4', '10.42.0.1', '10.42.0.1', '10.42.0.0/16', 'ip saddr 10.42.0.1'],
  ['IPv6', 'fd42::1', '[fd42::1]', 'fd42::/48', 'ip6 saddr fd42::1'],
])('the API socket, %s', (family, address, host, range, filter) => {
  const url = `http://${host}:51820/`;
  const version = family === 'IPv4' ? '-4' : '-6';
  const underlay = (to: Host) => (family === 'IPv4' ? to.address : (to.address6 ?? ''));

  it('answers through the device, and not a packet from the underlay, also by the address of a peer', async () => {
    const ann = await lab.host('ann');
    await connectAnn(ann);
    await start(address).line(/listening/);
    expect(await ask(ann, url)).toBe('hello');
    await eve.sure(['ip', version, 'route', 'add', range, 'via', underlay(server)]);
    const heard = await repliesTo(eve, filter, async () => {
      expect(await ask(eve, url)).toBe('');
    });
    expect(heard).toBe(0);
    // Nor anybody who borrows the address of a peer: an answer would go to whom it belongs to.
    const borrowed = family === 'IPv4' ? '10.42.1.1' : 'fd42::1:1';
    await eve.sure(['ip', version, 'addr', 'add', borrowed, 'dev', 'lo']);
    await eve.sure(['ip', version, 'route', 'replace', range, 'via', underlay(server), 'src', borrowed]);
    const misled = await repliesTo(ann, filter, async () => {
      expect(await ask(eve, url, borrowed)).toBe('');
    });
    expect(misled).toBe(0);
  });

  it('listens again when the device was made anew, and lets nobody in meanwhile', async () => {
    const ann = await lab.host('ann');
    await connectAnn(ann);
    await eve.sure(['ip', version, 'route', 'add', range, 'via', underlay(server)]);
    const running = start(address);
    await running.line(/^listening$/);
    await server.sure(['ip', 'link', 'del', 'acme']);
    await server.sure([
      'ip',
      version,
      'addr',
      'add',
      `${address}/${family === 'IPv4' ? 32 : 128}`,
      'dev',
      'lo',
    ]);
    expect(await ask(eve, url)).toBe('');
    await server.sure([
      'ip',
      version,
      'addr',
      'del',
      `${address}/${family === 'IPv4' ? 32 : 128}`,
      'dev',
      'lo',
    ]);
    await connectAnn(ann);
    await running.line(/^listening anew$/);
    expect(await ask(ann, url)).toBe('hello');
    expect(await ask(eve, url)).toBe('');
  });
});

describe('what is said when it cannot listen', () => {
  const failure = (...args: string[]): Promise<string> =>
    server.exec([process.execPath, listener.path, ...args]).then(({ stdout }) => stdout.trim());

  it('names the device that is missing', async () =>
    expect(await failure('acme', '10.42.0.1', '51820')).toMatch(/there is no network device acme/));

  it('names the address that the device does not have', async () =>
    expect(await failure('lo', '10.42.0.1', '51820')).toMatch(/lo does not have the address 10\.42\.0\.1/));

  it('names the port that is taken', async () => {
    const other = server.spawn([process.execPath, listener.path, 'lo', '127.0.0.1', '51820']);
    await other.line(/listening/);
    expect(await failure('lo', '127.0.0.1', '51820')).toMatch(
      /TCP port 51820 on 127\.0\.0\.1 is in use by another program \(see which one: ss/,
    );
  });
});

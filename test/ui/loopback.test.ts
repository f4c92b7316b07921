// Both addresses of loopback at one port: neither is left to another user, and nobody keeps a connection by silence.
import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { networkInterfaces } from 'node:os';
import { expect, it, onTestFinished } from 'vitest';
import { type Listening, listenOnLoopback } from '../../src/ui/loopback.ts';

const hasIpv6 = Object.values(networkInterfaces()).some((addresses) =>
  addresses?.some(({ address }) => address === '::1'),
);

const listening = async (port = 0): Promise<Listening> => {
  const open = await listenOnLoopback((_, response) => response.end('ours'), port);
  onTestFinished(() => open.close());
  return open;
};

it.skipIf(!hasIpv6)('hears both addresses', async () => {
  const { port } = await listening();
  for (const host of ['127.0.0.1', '[::1]'])
    expect(await (await fetch(`http://${host}:${port}/`)).text()).toBe('ours');
});

it.skipIf(!hasIpv6)('does not open where another has one of them', async () => {
  const other = createServer().listen(0, '::1');
  onTestFinished(() => void other.close());
  await once(other, 'listening');
  const { port } = other.address() as AddressInfo;
  // Of the other address a test beside this one may have it.
  await expect(listening(port)).rejects.toThrow(/^port \d+ of (::1|127\.0\.0\.1) is taken$/);
});

// Node by itself looks for such connections every 30 seconds only.
it('ends connections that ask nothing, or half of something', { timeout: 25_000 }, async () => {
  const { port } = await listening();
  const half = 'POST /enter HTTP/1.1\r\nhost: localhost\r\ncontent-length: 100\r\n\r\n{"token":';
  await Promise.all(
    ['', 'POST /enter HTT', half].map(async (text) => {
      const caller = connect(port, '127.0.0.1').resume();
      onTestFinished(() => void caller.destroy());
      caller.write(text);
      await once(caller, 'close');
    }),
  );
});

const STRANGERS = 100;
const FILE = Buffer.alloc(64 * 1024 * 1024, 'x');

it("strangers take each other's place, and keep neither a tab nor the next caller away", {
  timeout: 60_000,
}, async () => {
  let closed = 0;
  // Larger than what the system keeps for a caller that does not read.
  const open = await listenOnLoopback((request, response, know) => {
    if (request.url === '/file') {
      response.once('close', () => {
        closed += 1;
      });
      return response.end(FILE);
    }
    if (request.url === '/follow') know();
    return request.url === '/follow' ? response.write('news\n') : response.end('ours');
  }, 0);
  onTestFinished(() => open.close());
  const call = (path: string) => {
    const caller = connect(open.port, '127.0.0.1');
    onTestFinished(() => void caller.destroy());
    caller.on('error', () => {}).write(`GET ${path} HTTP/1.1\r\nhost: localhost\r\n\r\n`);
    return caller;
  };
  const tab = call('/follow');
  const [first] = await once(tab, 'data');
  expect(String(first)).toContain('news');
  for (let stranger = 0; stranger < STRANGERS; stranger += 1) call('/file').pause();
  await expect.poll(() => closed, { timeout: 60_000 }).toBeGreaterThan(0);
  expect(await (await fetch(`http://127.0.0.1:${open.port}/`)).text()).toBe('ours');
  await expect.poll(() => closed, { timeout: 60_000 }).toBe(STRANGERS);
  expect(tab.destroyed).toBe(false);
});

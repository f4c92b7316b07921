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

// A wire to a database that passes so many bytes of its answers and is then cut, as by a lost network.
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';

export type CutWire = {
  readonly port: number;
  /** Cuts each connection after so many further bytes of answers; `undefined` lets all pass. */
  bytesLeft: number | undefined;
  /** How many bytes of answers have passed. */
  passed: number;
};

/** Closed when the test is over. */
export const cutWireTo = async (port: number): Promise<CutWire> => {
  const sockets = new Set<Socket>();
  const wire: { port: number; bytesLeft: number | undefined; passed: number } = {
    port: 0,
    bytesLeft: undefined,
    passed: 0,
  };
  const server = createServer((near) => {
    const far = connect(port, '127.0.0.1');
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => {
        near.destroy();
        far.destroy();
      });
    }
    near.pipe(far);
    far.on('data', (bytes) => {
      const allowed = Math.min(bytes.length, wire.bytesLeft ?? bytes.length);
      wire.passed += allowed;
      if (wire.bytesLeft !== undefined) wire.bytesLeft -= allowed;
      near.write(bytes.subarray(0, allowed));
      if (allowed < bytes.length) near.destroy();
    });
  }).listen(0, '127.0.0.1');
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  await once(server, 'listening');
  const address = server.address();
  if (typeof address === 'object' && address) wire.port = address.port;
  return wire;
};

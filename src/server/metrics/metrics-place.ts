/** The place of metrics: never one that other machines reach. */
import type { ListenOptions } from 'node:net';
import * as z from 'zod';
import { hostOf, portOf, SocketAddress } from '../../values/endpoint.ts';
import { type Ip, kindOf } from '../../values/ip.ts';

/** Linux's limit; Node silently truncates a longer path. */
const MAX_SOCKET_PATH_BYTES = 107;

/** `/run/innernet/acme.metrics` or `127.0.0.1:9586`. */
export const MetricsPlace = z.string().transform((text, context): ListenOptions => {
  const isPath = text.startsWith('/');
  if (isPath && Buffer.byteLength(text) <= MAX_SOCKET_PATH_BYTES) return { path: text };
  const address = isPath ? undefined : SocketAddress.safeParse(text).data;
  if (address && kindOf(hostOf(address) as Ip) === 'loopback')
    return { host: hostOf(address), port: portOf(address) };
  context.addIssue({
    code: 'custom',
    message: isPath
      ? `the path of a Unix socket has at most ${MAX_SOCKET_PATH_BYTES} bytes`
      : 'metrics are read at the path of a Unix socket or at a loopback address such as 127.0.0.1:9586',
  });
  return z.NEVER;
});
export type MetricsPlace = z.infer<typeof MetricsPlace>;

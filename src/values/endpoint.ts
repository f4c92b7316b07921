/** Endpoints: `host:port`, the host a DNS name, an IPv4 address or an IPv6 address in brackets. */
import * as z from 'zod';
import { Ip } from './ip.ts';

const HOST =
  /^(?=.{1,253}$)([A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?)(\.[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?)*\.?$/;

const split = (text: string): { host: string; port: number } | undefined => {
  const match = /^(?:\[([^\]]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  if (!match || port < 1 || port > 65535) return undefined;
  if (match[1] !== undefined) {
    const ip = Ip.safeParse(match[1]);
    return ip.success && ip.data.includes(':') ? { host: ip.data, port } : undefined;
  }
  const host = match[2] ?? '';
  // Resolvers take a name that ends in a number for an address: 127.1 and 0x7f000001 are loopback.
  const numeric = /(^|\.)(\d+|0x[\da-f]*)\.?$/i.test(host);
  const valid = numeric ? Ip.safeParse(host).success : HOST.test(host);
  return valid ? { host, port } : undefined;
};

/** Adds the brackets of an IPv6 host. */
export const endpointOf = (host: string, port: number): Endpoint =>
  (host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`) as Endpoint;

/** `host:port`, port 1 to 65535, IPv6 hosts canonical and in brackets. */
export const Endpoint = z
  .string()
  .transform((text, context) => {
    const parts = split(text);
    if (parts)
      return parts.host.includes(':') ? `[${parts.host}]:${parts.port}` : `${parts.host}:${parts.port}`;
    context.addIssue({
      code: 'custom',
      message: `"${text}" is not an endpoint such as vpn.example.org:51820 or [2001:db8::1]:51820`,
    });
    return z.NEVER;
  })
  .brand<'Endpoint'>();
export type Endpoint = z.infer<typeof Endpoint>;

/** An endpoint with an IP address: what WireGuard sees, and what candidates are. */
export const SocketAddress = Endpoint.refine((endpoint) => Ip.safeParse(hostOf(endpoint)).success, {
  error: 'this needs an IP address and a port, not a DNS name',
}).brand<'SocketAddress'>();
export type SocketAddress = z.infer<typeof SocketAddress>;

/** Without brackets. */
export const hostOf = (endpoint: Endpoint): string =>
  endpoint.slice(0, endpoint.lastIndexOf(':')).replace(/^\[|\]$/g, '');

export const portOf = (endpoint: Endpoint): number => Number(endpoint.slice(endpoint.lastIndexOf(':') + 1));

export const Port = z.number().int().min(1, 'a port is 1 to 65535').max(65535, 'a port is 1 to 65535');

/** Whether the host is all zeros: "my address as the server sees it, with this port". */
export const isUnspecified = (endpoint: Endpoint): boolean => ['0.0.0.0', '::'].includes(hostOf(endpoint));

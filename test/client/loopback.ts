// The way to a server on this machine's loopback, for tests that have no tunnel.
import { connect } from 'node:net';
import type { Connect, Way } from '../../src/caller/way.ts';
import { hostOf, portOf } from '../../src/values/endpoint.ts';

export const connectOpenly: Connect = (to, timeout) =>
  connect({ host: hostOf(to), port: portOf(to), ...(timeout === undefined ? {} : { timeout }) });

export const loopback: Way = { open: async () => ({ device: 1, connect: connectOpenly }) };

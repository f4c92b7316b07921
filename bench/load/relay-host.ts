/** A process of its own with a relay of many peers on loopback, as the server runs it: its mailboxes, sessions, CPU and memory. */

import type { RelayPeer } from '../../src/relay/members.ts';
import { Relay } from '../../src/relay/relay.ts';
import { RelayRunner } from '../../src/relay/runner.ts';
import { obey } from './orders.ts';

const NEAR = 5;

let running: { relay: Relay; runner: RelayRunner } | undefined;

obey({
  open: async ({ port, file, peers }: { port: number; file: string; peers: RelayPeer[] }) => {
    const relay = new Relay();
    // Each may talk to its nearest ones: whom a handshake means is not the question here.
    const isNear = (left: number, right: number): boolean => {
      const steps = Math.abs(left - right);
      return Math.min(steps, peers.length - steps) <= NEAR;
    };
    relay.setPeers(peers, isNear, performance.now());
    const told = { onMailbox: () => {}, onClaim: () => {} };
    running = { relay, runner: await RelayRunner.open({ relay, port, file, ...told }) };
  },
  usage: () => {
    global.gc?.();
    const { user, system } = process.cpuUsage();
    return {
      cpuSeconds: (user + system) / 1e6,
      heap: process.memoryUsage(),
      megabytes: process.memoryUsage().rss / 2 ** 20,
    };
  },
  counts: () => ({
    mailboxes: running?.relay.openPeers(performance.now()).length,
    sessions: running ? [...running.relay.sessions()].length : 0,
    ...running?.relay.counts,
  }),
  close: () => running?.runner.close(),
});

// Plans: only differences become steps, live connections are left alone, nothing leaves the network.
import { describe, expect, it } from 'vitest';
import { SocketAddress } from '../../src/values/endpoint.ts';
import { Cidr } from '../../src/values/ip.ts';
import { keyText, PrivateKey, PublicKey } from '../../src/values/key.ts';
import type { DeviceState, PeerConfig, PeerState, Step } from '../../src/wireguard/device.ts';
import { type DeviceConfig, type PlanOptions, plan, stepsForDelta } from '../../src/wireguard/plan.ts';

const NOW = 1_800_000_000_000;
const network = Cidr.parse('10.42.0.0/16');
const key = (number: number): PublicKey => PublicKey.parse(keyText(new Uint8Array(32).fill(number + 1)));
const own = { privateKey: PrivateKey.fromRandom(new Uint8Array(32)), publicKey: key(99) };
const [ann, ryo, zoe] = [key(1), key(2), key(3)];
const at = (host: number, port = 51820) => SocketAddress.parse(`203.0.113.${host}:${port}`);
const ip = (host: number) => Cidr.parse(`10.42.1.${host}/32`);

const has = (...peers: (Partial<PeerState> & { publicKey: PublicKey })[]): DeviceState => ({
  publicKey: own.publicKey,
  listenPort: 51820,
  peers: new Map(
    peers.map((peer) => [
      peer.publicKey,
      {
        allowedIps: [],
        endpoint: undefined,
        keepalive: 0,
        latestHandshake: undefined,
        rxBytes: 0,
        txBytes: 0,
        ...peer,
      },
    ]),
  ),
});
const wants = (...peers: PeerConfig[]): DeviceConfig => ({ keys: own, listenPort: 51820, peers });
const planned = (state: DeviceState, config: DeviceConfig, options: Partial<PlanOptions> = {}) =>
  plan(state, config, { network, now: NOW, ...options });

/** What a device has after the steps, by WireGuard's rules. */
const after = (state: DeviceState, steps: readonly Step[]): DeviceState => {
  const next = { ...state, peers: new Map(state.peers) };
  for (const step of steps) {
    if (step.kind === 'privateKey') next.publicKey = own.publicKey;
    else if (step.kind === 'listenPort') next.listenPort = step.listenPort;
    else if (step.kind === 'fwmark') next.fwmark = step.fwmark;
    else if (step.kind === 'remove') next.peers.delete(step.publicKey);
    else {
      const { kind, publicKey, allowedIps, ...rest } = step;
      const fresh = has({ publicKey }).peers.get(publicKey)!;
      const before = kind === 'recreate' ? fresh : (next.peers.get(publicKey) ?? fresh);
      if (allowedIps)
        for (const [other, peer] of next.peers)
          if (other !== publicKey)
            next.peers.set(other, {
              ...peer,
              allowedIps: peer.allowedIps.filter((c) => !allowedIps.includes(c)),
            });
      const given = Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== undefined));
      next.peers.set(publicKey, {
        ...before,
        ...given,
        ...(allowedIps ? { allowedIps: [...allowedIps] } : {}),
      });
    }
  }
  return next;
};

describe('a plan', () => {
  it('is empty where everything is as it should be', () => {
    const state = has({ publicKey: ann, allowedIps: [ip(1)], endpoint: at(1), keepalive: 25 });
    expect(
      planned(state, wants({ publicKey: ann, allowedIps: [ip(1)], endpoint: at(1), keepalive: 25 })),
    ).toEqual({
      steps: [],
      heldBack: [],
    });
  });

  it('sets key, port and peers of an empty device in one go', () => {
    const peer: PeerConfig = { publicKey: ann, allowedIps: [ip(1)], endpoint: at(1), keepalive: 25 };
    const empty = { publicKey: undefined, listenPort: 33333, peers: new Map() };
    expect(planned(empty, wants(peer)).steps).toEqual([
      { kind: 'privateKey', privateKey: own.privateKey },
      { kind: 'listenPort', listenPort: 51820 },
      { kind: 'set', ...peer },
    ]);
  });

  it('leaves key and port alone when nothing is said of them', () => {
    expect(planned(has(), { peers: [] }).steps).toEqual([]);
  });

  it('names only what differs', () => {
    const state = has({ publicKey: ann, allowedIps: [ip(1)], endpoint: at(1), keepalive: 0 });
    expect(planned(state, wants({ publicKey: ann, allowedIps: [ip(1)], keepalive: 25 })).steps).toEqual([
      { kind: 'set', publicKey: ann, keepalive: 25 },
    ]);
    expect(planned(state, wants({ publicKey: ann, allowedIps: [ip(2)] })).steps).toEqual([
      { kind: 'set', publicKey: ann, allowedIps: [ip(2)] },
    ]);
  });

  it('removes who is not wanted before it gives away an address, but leaves whom it is told to', () => {
    const state = has(
      { publicKey: ann, allowedIps: [ip(1)] },
      { publicKey: zoe, endpoint: at(3), keepalive: 1 },
    );
    const config = wants({ publicKey: ryo, allowedIps: [ip(1)] });
    expect(planned(state, config, { leave: new Set([zoe]) }).steps).toEqual([
      { kind: 'remove', publicKey: ann },
      { kind: 'set', publicKey: ryo, allowedIps: [ip(1)] },
    ]);
  });

  it('never moves the endpoint of a live session, unless told to insist', () => {
    const state = has({
      publicKey: ann,
      allowedIps: [ip(1)],
      endpoint: at(1),
      latestHandshake: NOW - 180_000,
    });
    const config = wants({ publicKey: ann, allowedIps: [ip(1)], endpoint: at(2) });
    expect(planned(state, config).steps).toEqual([]);
    expect(planned(state, config, { insist: new Set([ann]) }).steps).toEqual([
      { kind: 'set', publicKey: ann, endpoint: at(2) },
    ]);
    expect(planned(state, config, { now: NOW + 1 }).steps).toEqual([
      { kind: 'set', publicKey: ann, endpoint: at(2) },
    ]);
  });

  it('re-creates a peer without a session whose endpoint becomes known, so that it is tried at once', () => {
    const state = has({ publicKey: ann, allowedIps: [ip(1)], keepalive: 25 });
    expect(planned(state, wants({ publicKey: ann, allowedIps: [ip(1)], endpoint: at(2) })).steps).toEqual([
      { kind: 'recreate', publicKey: ann, allowedIps: [ip(1)], endpoint: at(2), keepalive: 25 },
    ]);
  });

  it('passes over an entry with its own key: a device ignores that, and a second plan would want it again', () => {
    expect(planned(has(), wants({ publicKey: own.publicKey, allowedIps: [ip(9)] })).steps).toEqual([]);
  });

  it('holds back a peer that asks for more than the network, and leaves what it has', () => {
    const wide = Cidr.parse('0.0.0.0/0');
    const state = has({ publicKey: ann, allowedIps: [ip(1)] });
    const config = wants(
      { publicKey: ann, allowedIps: [ip(1), wide] },
      { publicKey: ryo, allowedIps: [Cidr.parse('10.43.0.1/32')] },
      { publicKey: zoe, allowedIps: [ip(3)] },
    );
    expect(planned(state, config)).toEqual({
      steps: [{ kind: 'set', publicKey: zoe, allowedIps: [ip(3)] }],
      heldBack: [
        { publicKey: ann, allowedIp: wide },
        { publicKey: ryo, allowedIp: '10.43.0.1/32' },
      ],
    });
  });

  it('leaves nothing for a second plan, whatever the first had to do', () => {
    const state = has(
      { publicKey: ann, allowedIps: [ip(1)], endpoint: at(1), latestHandshake: NOW },
      { publicKey: ryo, allowedIps: [ip(2)], keepalive: 25 },
      { publicKey: key(7), allowedIps: [ip(7)] },
    );
    const config = wants(
      { publicKey: ann, allowedIps: [ip(2)], endpoint: at(9), keepalive: 25 },
      { publicKey: ryo, allowedIps: [ip(1)], endpoint: at(2), keepalive: 0 },
      { publicKey: zoe, allowedIps: [], endpoint: at(3) },
    );
    const { steps } = planned(state, config);
    expect(steps.length).toBeGreaterThan(3);
    expect(planned(after(state, steps), config).steps).toEqual([]);
  });
});

describe('steps for a delta', () => {
  it('need no reading: removals, then what changed, unnamed things left as they are', () => {
    const changed: PeerConfig[] = [{ publicKey: ryo, allowedIps: [ip(1)], endpoint: undefined }];
    expect(stepsForDelta({ removed: [ann], changed }, network)).toEqual({
      steps: [
        { kind: 'remove', publicKey: ann },
        { kind: 'set', publicKey: ryo, allowedIps: [ip(1)], endpoint: undefined },
      ],
      heldBack: [],
    });
  });

  it('hold back what leaves the network', () => {
    const changed: PeerConfig[] = [{ publicKey: ryo, allowedIps: [Cidr.parse('::/0')] }];
    expect(stepsForDelta({ removed: [ann], changed }, network)).toEqual({
      steps: [{ kind: 'remove', publicKey: ann }],
      heldBack: [{ publicKey: ryo, allowedIp: '::/0' }],
    });
  });
});

/** The steps of `doctor`, in the order of their dependencies. */
import { stat } from 'node:fs/promises';
import manifest from '../../../package.json' with { type: 'json' };
import { type ExaminationStep, failed, type Look, ok, warning } from '../../cli/examining.ts';
import { printable } from '../../domain/rejection.ts';
import { droppedIn, tableName } from '../../filter/filter-table.ts';
import { tablesThatClose } from '../../filter/foreign-tables.ts';
import { forwards } from '../../filter/forwarding.ts';
import { listTable } from '../../filter/kept-table.ts';
import { hostOf, portOf, SocketAddress } from '../../values/endpoint.ts';
import { containsIp, type Ip } from '../../values/ip.ts';
import { isPrivateRange } from '../../values/reserved.ts';
import { isLive } from '../../wireguard/device.ts';
import { isGuarded, thievesIn, thievesText } from '../../wireguard/guard.ts';
import { run } from '../../wireguard/program.ts';
import { localAddresses, routesOverlapping } from '../../wireguard/routes.ts';
import { DEFAULT_MTU } from '../../wireguard/tunnel.ts';
import { CallRefused } from '../api/api.ts';
import { Poll } from '../api/poll.ts';
import { doubtSentence } from '../memory/doubt.ts';
import type { Mirror } from '../memory/mirror.ts';
import { pathsOf } from '../memory/paths.ts';
import { type Ground, heldReason, isOwn, isServer } from '../memory/pins.ts';
import { askOwnerOf, type OwnerStatus } from '../owner/owned-network.ts';
import { isShutOut, shutOutHint, shutOutText } from '../owner/shut-out.ts';
import { lookAtRelaying } from '../relay/relaying.ts';
import { lookAtRouting } from '../router/routing.ts';
import type { LinkStatus } from '../sync/session.ts';
import type { RelayState } from '../tunnels/mailboxes.ts';
import { addressesOf } from '../tunnels/server-peer.ts';
import type { Patient } from './patient.ts';

const MAX_CLOCK_OFF_SECONDS = 60;

const root = async (): Promise<Look> =>
  process.getuid?.() === 0 ? ok('this is run by root') : failed('this is not run by root', 'sudo');

const tun = async ({ options, network }: Patient): Promise<Look> => {
  const found = await stat('/dev/net/tun').catch(() => undefined);
  if (found?.isCharacterDevice()) return ok('/dev/net/tun is there');
  if (options.backend === 'kernel') return ok('not needed: the kernel backend was asked for');
  return warning(
    'there is no /dev/net/tun: only a kernel with WireGuard can carry the traffic',
    `modprobe tun; or, in a container, give it the device; then: innernet up ${network}`,
  );
};

const device = async (patient: Patient): Promise<Look> => {
  const found = await patient.device();
  if (!found) return failed('the network is down', `innernet up --daemon ${patient.network}`);
  const { publicKey, listenPort } = await found.read();
  if (publicKey !== patient.ground.own.publicKey)
    return failed('the device has another key than the conf', `innernet up ${patient.network}`);
  if (listenPort === 0)
    return failed('the device does not listen to any port', `innernet up ${patient.network}`);
  const wants = patient.conf.listenPort;
  if (wants !== undefined && wants !== listenPort)
    return warning(
      `the device listens at port ${listenPort}, the conf says ${wants}`,
      `see who has it: ss -ulpn 'sport = :${wants}'; then: innernet up ${patient.network}`,
    );
  return ok(`${patient.network} (${found.backend}) listens at port ${listenPort}`);
};

const address = async (patient: Patient): Promise<Look> => {
  const link = await patient.link();
  const wants = patient.conf.address;
  const up = `innernet up ${patient.network}`;
  if (!link?.isUp) return failed('the device is not up', up);
  const has = link.addresses.find(({ cidr }) => cidr === wants);
  if (!has) return failed(`the device has not the address ${wants}`, up);
  return has.usable ? ok(`${wants}`) : failed(`the address ${wants} is in use elsewhere`, up);
};

const route = async (patient: Patient): Promise<Look> => {
  const { range } = patient.ground;
  const link = await patient.link();
  if (link?.routes.includes(range)) return ok(`${range} goes into the tunnel`);
  if (!patient.options.routing) return ok('left alone, as was asked for');
  return failed(`${range} is not routed into the tunnel`, `innernet up ${patient.network}`);
};

const mtu = async (patient: Patient): Promise<Look> => {
  const { mtu: has } = (await patient.link()) ?? { mtu: 0 };
  const wants = patient.options.mtu ?? DEFAULT_MTU;
  if (has === wants) return ok(`${has} bytes`);
  return warning(
    `${has} bytes; ${wants} are usual, and fit nearly every path`,
    `innernet --mtu ${wants} up ${patient.network}`,
  );
};

const range = async ({ ground }: Patient): Promise<Look> =>
  isPrivateRange(ground.range)
    ? ok(`${ground.range} is private`)
    : warning(
        `${ground.range} is not private: those who own it cannot be reached from this machine`,
        'ask the admin whether these addresses are theirs; if not, the network must be made again',
      );

const guard = async (patient: Patient): Promise<Look> => {
  const { network, ground, options } = patient;
  if (isGuarded(await patient.routing(), network, ground.range))
    return ok(`what is meant for ${ground.range} leaves by ${network} or not at all`);
  if (!options.routing) return ok('left alone, as was asked for');
  return failed(
    `what is meant for ${ground.range} may leave by other devices`,
    `innernet up ${network}; if it stays so: this kernel has no policy routing`,
  );
};

const overlap = async (patient: Patient): Promise<Look> => {
  const { range } = patient.ground;
  const thieves = thievesIn(await patient.routing(), range, patient.network);
  if (thieves.length > 0)
    return failed(
      `${thievesText(thieves)} would take addresses of the network's range ${range} away`,
      `leave that network, or renumber one of the two; to reach only the other: innernet --no-routing up ${patient.network}`,
    );
  const routes = await routesOverlapping(range, patient.network);
  if (routes.length === 0) return ok('no other interface has addresses of the network');
  const texts = routes.map(({ cidr, device: name }) => `${cidr} (${name})`);
  return warning(
    `the network's range ${range} overlaps the routes ${texts.join(', ')}`,
    'hosts there at addresses of the network cannot be reached: renumber one of the two',
  );
};

const dns = async ({ conf, ground }: Patient): Promise<Look> => {
  const { externalEndpoint } = conf.server;
  const addresses = await addressesOf(externalEndpoint);
  const inside = addresses.find((found) => containsIp(ground.range, hostOf(found) as Ip));
  if (inside)
    return failed(
      `the server's name leads into the network itself: ${inside}`,
      'its name must lead to an address outside: look into /etc/hosts and DNS',
    );
  const isName = !SocketAddress.safeParse(externalEndpoint).success;
  return ok(
    isName ? `${externalEndpoint} is ${addresses.join(', ')}` : `none is needed: ${externalEndpoint}`,
  );
};

const handshake = async (patient: Patient): Promise<Look> => {
  if (await isShutOut(patient)) return failed(shutOutText(patient.network), shutOutHint(patient.network));
  const state = await patient.state();
  const peer = state?.peers.get(patient.ground.server.publicKey);
  if (peer && isLive(peer, Date.now()))
    return ok(`with the server ${secondsSince(peer.latestHandshake ?? 0)} s ago, at ${peer.endpoint}`);
  const { externalEndpoint } = patient.conf.server;
  const port = portOf(externalEndpoint);
  const uplink = localAddresses(patient.network).length > 0;
  return failed(
    uplink
      ? `the server does not answer at ${externalEndpoint}`
      : 'this machine has no address besides those of the network: it is offline',
    uplink
      ? `innernet up ${patient.network}; if it stays so: the server is down, UDP port ${port} is blocked on the way, or this machine was disabled`
      : 'connect it to a network',
  );
};

const secondsSince = (milliseconds: number): number =>
  Math.max(0, Math.round((Date.now() - milliseconds) / 1000));

/** WireGuard knows a packet's sender but does not limit its destination: a peer may send anything. */
const forwarding = async ({ network }: Patient): Promise<Look> =>
  (await forwards(network))
    ? warning(
        'this machine forwards: peers that send through it may reach what lies behind it',
        `if nothing else keeps them from that: drop in your firewall what comes in by ${network} and is to go on`,
      )
    : ok('this machine passes nothing on');

const api = async (patient: Patient): Promise<Look> => {
  try {
    await new Poll(patient.api).state();
    return ok(`the server answers at ${patient.api.endpoint}`);
  } catch (error) {
    if (error instanceof CallRefused && error.status === 401)
      return failed('the server does not let this machine in', 'it may be disabled: ask an admin');
    if (isRefusedConnection(error))
      return failed(
        'the machine answers, but innernet-server is not running on it; tunnels to other peers stay up',
        `there: systemctl start innernet-server@${patient.network}`,
      );
    throw error;
  }
};

const isRefusedConnection = (error: unknown): boolean =>
  error instanceof Error && (error.cause as NodeJS.ErrnoException | undefined)?.code === 'ECONNREFUSED';

const clock = async (patient: Patient): Promise<Look> => {
  const there = await patient.api.serverTime().catch((error: unknown) => {
    if (isRefusedConnection(error)) return null;
    throw error;
  });
  if (there === null) return { grade: 'skipped', found: 'not looked at: API comes first' };
  if (there === undefined) return ok('the server does not tell its time');
  const off = Math.round((Date.now() - there) / 1000);
  if (Math.abs(off) <= MAX_CLOCK_OFF_SECONDS)
    return ok(`within ${Math.max(1, Math.abs(off))} s of the server's`);
  return warning(
    `this machine's clock is ${Math.abs(off)} s ${off > 0 ? 'ahead of' : 'behind'} the server's`,
    'set one of them right, with NTP: WireGuard refuses handshakes of a clock that went back',
  );
};

const proof = async ({ api }: Patient): Promise<Look> => {
  const { trust } = api;
  if (trust?.doubt) return failed(doubtSentence(trust.doubt), trust.hint);
  if (trust?.standing === 'proves') return ok('the server proves that it has its key');
  return warning(
    'the server does not prove that it has its key: who answers in its place is believed',
    'on the server: bring innernet-server up to date',
  );
};

const version = async (patient: Patient): Promise<Look> => {
  const own = `innernet ${manifest.version}`;
  const hasStream = await new Poll(patient.api).hasStream();
  if (hasStream === undefined) return warning(`${own}; the server does not say what it can do`);
  if (hasStream) return ok(`${own}, and a server with a live stream`);
  return warning(
    `${own}, and an older server without a live stream: news come when it is asked`,
    'on the server: bring innernet-server up to date',
  );
};

const proofs = async (patient: Patient): Promise<Look> => {
  const isNeeded = await new Poll(patient.api).needsProof();
  if (isNeeded === undefined) return ok('the server does not say whether it requires proofs by key');
  if (isNeeded) return ok('required: only who has the key of this machine speaks for it');
  return warning(
    'waived: any program on this machine can speak for it, and on the machine of an admin change the network',
    `as an admin, or on the server: innernet require-proof ${patient.network}`,
  );
};

const follows = async (patient: Patient): Promise<Look> => {
  const status = (await askOwnerOf(pathsOf(patient.network, patient.options), { ask: 'status' })) as
    | LinkStatus
    | undefined;
  const daemon = `innernet up --daemon ${patient.network}`;
  if (!status) return warning('nobody follows the changes of the network on this machine', daemon);
  if (status.connected) return ok('a process follows the changes of the network');
  return warning('a process follows the network, and is not connected to the server now');
};

const peers = async (patient: Patient): Promise<Look> => {
  const { network, ground } = patient;
  const { mirror } = await patient.kept();
  if (mirror.alarm)
    return failed(
      `the server shows another history than before (${mirror.alarm.breach}): nobody new is let in`,
      'ask the admin whether the server was restored or replaced',
    );
  const [held, ...others] = [...mirror.held()];
  if (!held) return ok(sightText(mirror, ground));
  const more = others.length > 0 ? `, and ${others.length} more` : '';
  return warning(
    `${held.row.name} is held back (${held.rule}): ${heldReason(held)}${more}`,
    `if that is right: innernet forget-pin ${network} ${held.row.ip}; see also: innernet show ${network}`,
  );
};

const sightText = (mirror: Mirror, ground: Ground): string => {
  const rows = [...mirror.peers()];
  const own = rows.find((row) => isOwn(ground, row));
  const others = rows.filter((row) => row !== own && !isServer(ground, row));
  if (others.length > 0) return `${[...mirror.tunnels()].length} in sight, none is held back`;
  const cidr = [...mirror.cidrs()].find(({ id }) => id === own?.cidrId)?.name ?? 'the CIDR of this machine';
  return `only the server is in sight: ${printable(cidr)} has no other peer, and no association with a CIDR that has one`;
};

/** The server says whether a relay has heard this machine. */
const relay = async (patient: Patient): Promise<Look> => {
  const status = await statusOf(patient);
  const relays = status?.relays ?? [];
  if (relays.length === 0) return ok('the network names none: peers meet directly or not at all');
  const { mirror } = await patient.kept();
  const named = ({ id, place }: RelayState) =>
    `${printable(mirror.peer(id)?.name ?? `peer ${id}`)}${place === null ? '' : ` (${place})`}`;
  const deaf = relays.filter(({ isHeard }) => !isHeard);
  if (deaf.length === 0) return ok(`heard by ${relays.map(named).join(', ')}`);
  const ports = [...new Set(deaf.flatMap(({ place }) => (place === null ? [] : [portOf(place)])))];
  return warning(
    `not heard by ${deaf.map(named).join(', ')}: peers without a direct way cannot be reached`,
    `open UDP port ${ports.join(', ')} there, and from here to there`,
  );
};

/** A default-deny filter of the machine's own drops what the network allows, too. */
const foreignFilter = async ({ network }: Patient): Promise<Look> => {
  const { stdout } = await run('nft', ['list', 'ruleset']).catch(() => ({ stdout: '' }));
  const closed = tablesThatClose(network, stdout);
  if (closed.length === 0) return ok('no other table of nftables closes what comes in by default');
  return warning(
    `${closed.join(', ')} of nftables drops by default, and says nothing of ${network}: what the network allows may not come in`,
    `ufw: ufw allow in on ${network}; firewalld: firewall-cmd --permanent --zone=trusted --add-interface=${network}`,
  );
};

/** Ports are limited by the receiver. */
const limits = async (patient: Patient): Promise<Look> => {
  const { network } = patient;
  const { mirror } = await patient.kept();
  const limited = new Set(Array.from(mirror.limits(), ({ cidrId }) => cidrId));
  const peers = [...mirror.tunnels()].filter(({ cidrId }) => limited.has(cidrId));
  const status = await statusOf(patient);
  if (status?.limits?.works === false)
    return warning(
      'nftables does not work on this machine: peers whose ports are limited stay away',
      'sudo apt-get install nftables',
    );
  if (limited.size === 0) return ok('all that is in sight may be opened');
  const listing = await listTable(tableName(network)).catch(() => undefined);
  if (listing === undefined)
    return failed(
      `the table ${tableName(network)} of nftables is missing: nothing limits what peers open here`,
      `innernet up --daemon ${network}`,
    );
  const { restored = 0 } = status?.limits ?? {};
  if (restored > 0)
    return warning(
      `another program removed or changed the table ${tableName(network)} of nftables ${restored} time${restored === 1 ? '' : 's'}: it was made again`,
      'see which one runs `nft flush ruleset`: systemctl status nftables',
    );
  const dropped = droppedIn(listing);
  return ok(
    `${tableName(network)} of nftables limits what ${peers.length} peer${peers.length === 1 ? '' : 's'} may open here: ${dropped} packet${dropped === 1 ? '' : 's'} dropped`,
  );
};

const statusOf = (patient: Patient): Promise<OwnerStatus | undefined> =>
  askOwnerOf(pathsOf(patient.network, patient.options), { ask: 'status' }) as Promise<
    OwnerStatus | undefined
  >;

/** This machine as a relay of others. */
const relaying = async (patient: Patient): Promise<Look> => {
  const status = await statusOf(patient);
  const name = (await patient.kept()).mirror.peerWithKey(patient.ground.own.publicKey)?.name ?? 'NAME';
  const look = status?.relaying && lookAtRelaying(status.relaying, patient.network, printable(name));
  return look ?? ok('this machine is none, and nobody wants it to be one');
};

/** This machine as a router of others. */
const routing = async (patient: Patient): Promise<Look> => {
  const status = await statusOf(patient);
  const name = (await patient.kept()).mirror.peerWithKey(patient.ground.own.publicKey)?.name ?? 'NAME';
  const about = { name: printable(name), range: patient.ground.range };
  const look = status?.routing && lookAtRouting(status.routing, patient.network, about);
  return look ?? ok('this machine carries no routes, and nobody wants it to');
};

export const STEPS: readonly ExaminationStep<Patient>[] = [
  { step: 'root', look: root },
  { step: 'tun', look: tun },
  { step: 'device', needs: ['root'], look: device },
  { step: 'address', needs: ['device'], look: address },
  { step: 'route', needs: ['device'], look: route },
  { step: 'guard', needs: ['device'], look: guard },
  { step: 'MTU', needs: ['device'], look: mtu },
  { step: 'range', look: range },
  { step: 'overlap', look: overlap },
  { step: 'forwarding', look: forwarding },
  { step: 'DNS', look: dns },
  { step: 'handshake', needs: ['device', 'DNS'], look: handshake },
  { step: 'API', needs: ['address', 'handshake'], look: api },
  { step: 'clock', needs: ['handshake'], look: clock },
  { step: 'proof', needs: ['root'], look: proof },
  { step: 'version', needs: ['API'], look: version },
  { step: 'admins', needs: ['API'], look: proofs },
  { step: 'daemon', needs: ['root'], look: follows },
  { step: 'relay', needs: ['daemon'], look: relay },
  { step: 'limits', needs: ['daemon'], look: limits },
  { step: 'filter', needs: ['root'], look: foreignFilter },
  { step: 'relaying', needs: ['daemon'], look: relaying },
  { step: 'routing', needs: ['daemon'], look: routing },
  { step: 'peers', look: peers },
];

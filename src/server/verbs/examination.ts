/** The steps of the server's `doctor`, in order of dependency. */
import { type ExaminationStep, failed, type Look, ok, warning } from '../../cli/examining.ts';
import { localTime } from '../../cli/print.ts';
import { endingSoon } from '../../domain/ends.ts';
import type { Network } from '../../domain/network.ts';
import { shellWord } from '../../domain/rejection.ts';
import { droppedIn, tableName } from '../../filter/filter-table.ts';
import { tablesThatClose } from '../../filter/foreign-tables.ts';
import { forwards } from '../../filter/forwarding.ts';
import { listTable } from '../../filter/kept-table.ts';
import { ProcessLock } from '../../store/process-lock.ts';
import type { PeerId } from '../../values/id.ts';
import type { Cidr } from '../../values/ip.ts';
import { publicKeyOf } from '../../values/key-pair.ts';
import type { InterfaceName } from '../../values/name.ts';
import { isPrivateRange } from '../../values/reserved.ts';
import { run } from '../../wireguard/program.ts';
import { routesOverlapping } from '../../wireguard/routes.ts';
import { openDevice } from '../../wireguard/tunnel.ts';
import { timestamp } from '../commands/control-plane.ts';
import { tableLosses } from '../device/table-losses.ts';
import { phonesRefused, type ServerConf } from '../disk/conf.ts';
import { type Folders, filesOf } from '../disk/files.ts';
import { loadNetwork } from '../live/load-network.ts';
import { openNetworkLog } from '../past/local-past.ts';
import { readStanding } from '../standby/standing-file.ts';
import { lookAtRelay } from './relay-examination.ts';

const MAX_NAMED = 8;

export type ServedNetwork = { network: InterfaceName; folders: Folders; conf: ServerConf; range: Cidr };

const root = async (): Promise<Look> =>
  process.getuid?.() === 0 ? ok('this is run by root') : failed('this is not run by root', 'sudo');

const device = async ({ network, conf }: ServedNetwork): Promise<Look> => {
  const serve = `innernet-server serve ${network}`;
  const found = await openDevice(network);
  if (!found) return failed('the network is down', serve);
  const { publicKey, listenPort } = await found.read();
  if (publicKey !== publicKeyOf(conf.privateKey))
    return failed('the device has another key than the conf', serve);
  if (listenPort === conf.listenPort)
    return ok(`${network} (${found.backend}) listens at port ${listenPort}`);
  return failed(
    `the device listens at port ${listenPort}, the conf says ${conf.listenPort}`,
    `see who has it: ss -ulpn 'sport = :${conf.listenPort}'; then: ${serve}`,
  );
};

const range = async ({ range: block }: ServedNetwork): Promise<Look> =>
  isPrivateRange(block)
    ? ok(`${block} is private`)
    : warning(`${block} is not private: peers cannot reach those who own it`);

const overlap = async ({ network, range: block }: ServedNetwork): Promise<Look> => {
  const routes = await routesOverlapping(block, network);
  if (routes.length === 0) return ok('no other interface has addresses of the network');
  const texts = routes.map(({ cidr, device: name }) => `${cidr} (${name})`);
  return warning(
    `the network's range ${block} overlaps the routes ${texts.join(', ')}`,
    'hosts there, or peers at the same addresses, cannot be reached: renumber one of the two',
  );
};

const forwarding = async ({ network, folders }: ServedNetwork): Promise<Look> => {
  const listing = await listTable(tableName(network)).catch(() => null);
  const doesForward = await forwards(network);
  if (typeof listing === 'string') {
    const losses = tableLosses(filesOf(network, folders).tableLosses);
    if (losses > 0)
      return warning(
        `another program removed or changed the table ${tableName(network)} of nftables ${losses} time${losses === 1 ? '' : 's'}: it was made again`,
        'see which one runs `nft flush ruleset`: systemctl status nftables',
      );
    const dropped = droppedIn(listing);
    const sofar = `${dropped} packet${dropped === 1 ? '' : 's'} so far`;
    return ok(`${tableName(network)} of nftables drops what peers send through this machine: ${sofar}`);
  }
  if (!doesForward) return ok('this machine passes nothing on');
  return failed(
    'this machine forwards, and nothing of ours keeps peers from what lies behind it',
    listing === null
      ? `sudo apt-get install nftables, then start the server again`
      : `innernet-server serve ${network}, without --allow-forwarding`,
  );
};

const stateOf = async ({ network, folders }: ServedNetwork): Promise<Network> => {
  const log = await openNetworkLog(network, folders);
  try {
    return await loadNetwork(log);
  } finally {
    await log.close();
  }
};

const ends = async (served: ServedNetwork): Promise<Look> => {
  const soon = endingSoon((await stateOf(served)).peers(), timestamp());
  const [next] = soon;
  if (!next) return ok('no peer ends within a week');
  const texts = soon.slice(0, MAX_NAMED).map(({ name, expires }) => `${name} (${localTime(expires)})`);
  const more = soon.length > MAX_NAMED ? ` and ${soon.length - MAX_NAMED} more` : '';
  return warning(
    `the time of these peers ends within a week: ${texts.join(', ')}${more}`,
    `innernet-server set-expiry ${served.network} --name ${shellWord(next.name)} --expires 90d`,
  );
};

const proofs = async (served: ServedNetwork): Promise<Look> => {
  const { network } = served;
  if ((await stateOf(served)).isProofRequired)
    return ok('required: without one nobody changes the network from a peer');
  return warning(
    'waived: any program on the machine of an admin can change the network',
    `innernet-server require-proof ${network}`,
  );
};

const standbys = async (served: ServedNetwork): Promise<Look> => {
  const { network, folders } = served;
  const state = await stateOf(served);
  const named = state.standbys.size;
  if (named === 0) return ok('none is named: changes since the last backup would be lost with this machine');
  if (state.questionKey === null)
    return warning(
      'no kit was made, so no standby can follow or take over',
      `innernet-server kit ${network} --save FILE`,
    );
  const standing = readStanding(filesOf(network, folders).standing);
  if (!standing || !ProcessLock.isHeld(filesOf(network, folders).lock))
    return warning('not known: nobody serves', `innernet-server serve ${network}`);
  const level = standing.standbys.filter(({ isLevel }) => isLevel);
  const rest = standing.standbys.filter(({ isLevel }) => !isLevel);
  const name = ({ peerId }: { peerId: PeerId }): string => state.peer(peerId)?.name ?? String(peerId);
  if (rest.length === 0) return ok(`${level.map(name).join(', ')} has every acknowledged change`);
  const alone = standing.aloneSince === null ? '' : `alone since ${localTime(standing.aloneSince)}: `;
  return warning(
    `${alone}${rest.map(name).join(', ')} does not have every acknowledged change`,
    `see whether it runs there: systemctl status innernet-standby@${network}`,
  );
};

/** Another program's table may drop what phones say to others, and nothing of ours sees that. */
const phones = async (served: ServedNetwork): Promise<Look> => {
  const { network, conf, folders } = served;
  const count = [...(await stateOf(served)).plainPeers()].length;
  if (count === 0) return ok('there are none');
  const refused = phonesRefused(conf, filesOf(network, folders).conf);
  const some = `${count} phone${count === 1 ? '' : 's'}`;
  if (refused !== undefined) return warning(`${some} are cut off: ${refused}`);
  const { stdout } = await run('nft', ['list', 'ruleset']).catch(() => ({ stdout: '' }));
  const closed = tablesThatClose(network, stdout, 'forward');
  if (closed.length === 0) return ok(`${some}: no other table of nftables drops what is passed on`);
  return warning(
    `${closed.join(', ')} of nftables drops what is passed on, and says nothing of ${network}: what ${some} say may not get on`,
    `Docker: iptables -I DOCKER-USER -i ${network} -o ${network} -j ACCEPT; ufw: ufw route allow in on ${network} out on ${network}`,
  );
};

const relay = async (served: ServedNetwork): Promise<Look> => lookAtRelay(served, await stateOf(served));

export const STEPS: readonly ExaminationStep<ServedNetwork>[] = [
  { step: 'root', look: root },
  { step: 'device', needs: ['root'], look: device },
  { step: 'range', look: range },
  { step: 'overlap', look: overlap },
  { step: 'forwarding', needs: ['root'], look: forwarding },
  { step: 'phones', needs: ['root'], look: phones },
  { step: 'relay', needs: ['device'], look: relay },
  { step: 'admins', look: proofs },
  { step: 'ends', look: ends },
  { step: 'standbys', look: standbys },
];

/** The program `innernet-server`: its verbs and flags, each loaded when called. */
import { type Command, Option } from 'commander';
import manifest from '../../package.json' with { type: 'json' };
import { addAssociationVerbs } from '../cli/associations.ts';
import { addChangeOptions } from '../cli/change.ts';
import { addCidrVerbs } from '../cli/cidrs.ts';
import { addCompletionVerbs } from '../cli/completions.ts';
import { addEndpointVerb } from '../cli/endpoint.ts';
import { addExpiryVerb } from '../cli/expiry.ts';
import { addInvitationVerbs } from '../cli/invitations.ts';
import { addLocalChangeOptions } from '../cli/local-change.ts';
import { addManualVerb } from '../cli/manual.ts';
import { networkName } from '../cli/network-verb.ts';
import { addHostsOptions, flag, portNumber, runs, saidTo, several, wholeNumber } from '../cli/options.ts';
import { addPastVerbs, type OpenPast } from '../cli/past.ts';
import { addPeerVerbs } from '../cli/peers.ts';
import { addPhoneVerbs } from '../cli/phones.ts';
import { networkVerb, newProgram, type Open, verb } from '../cli/program.ts';
import { addProofByKeyVerbs } from '../cli/proofs-by-key.ts';
import { addRelayVerbs } from '../cli/relays.ts';
import { addRouteVerbs } from '../cli/routes.ts';
import { main } from '../cli/run.ts';
import { addStandbyVerbs } from '../cli/standbys.ts';
import { addUiVerb } from '../ui/verb.ts';
import { Endpoint } from '../values/endpoint.ts';
import { Cidr } from '../values/ip.ts';
import { Hostname, InterfaceName } from '../values/name.ts';
import { DEFAULT_FOLDERS } from './disk/files.ts';
import { MetricsPlace } from './metrics/metrics-place.ts';
import type { MoveLogOptions } from './verbs/move-log.ts';
import { addProofVerbs } from './verbs/proof-verbs.ts';
import type { RestoreOptions } from './verbs/restore.ts';

const open: Open = async (network, options) => {
  const { LocalPlane } = await import('./verbs/local-plane.ts');
  return LocalPlane.open(network, options);
};

const addNew = (program: Command): void => {
  const added = verb(program, 'new', {
    summary: 'make a network, with this machine as its server',
    examples: [
      'new',
      'new --network-name acme --network-cidr 10.61.0.0/16 --external-endpoint vpn.example.org:51820 --listen-port 51820',
    ],
  })
    .alias('init')
    .addOption(flag('--network-name <name>', 'its name: at most 15 characters', InterfaceName))
    .addOption(flag('--network-cidr <block>', 'all its addresses, such as 10.61.0.0/16', Cidr))
    .option(
      '--allow-range',
      'take a range that is not private: its owners cannot be reached from the network',
    )
    .addOption(flag('--external-endpoint <host:port>', 'where peers reach this machine', Endpoint))
    .option('--auto-external-endpoint', 'ask a public DNS resolver for the address of this machine')
    .addOption(flag('--listen-port <port>', 'the UDP port of WireGuard (default: 51820)', portNumber))
    .addOption(
      flag('--first-cidr <name>', 'add a CIDR for the first peers, in the lowest free block', Hostname),
    )
    .option('--no-relay', 'do not relay for peers that find no direct way (set-relay turns it on later)')
    .option('--yes', 'do not ask whether this is meant')
    .option('--dry-run', 'only say what would be recorded')
    .option('--json', 'answer with the network as JSON');
  runs(added, async () => (await import('./verbs/new.ts')).createNetwork);
};

const addServe = (program: Command): void => {
  const serve = networkVerb(program, 'serve', {
    summary: 'serve a network until the process is stopped; its tunnels stay',
    examples: [
      'serve acme',
      'serve acme --no-write-hosts',
      'serve acme --metrics /run/acme.metrics',
      '-v serve acme',
    ],
  }).addOption(
    flag(
      '--metrics <place>',
      'offer metrics at a Unix socket or loopback address: /run/acme.metrics, 127.0.0.1:9586',
      MetricsPlace,
    ),
  );
  serve.option(
    '--allow-forwarding',
    'let peers send through this machine where it forwards (default: dropped)',
  );
  runs(addHostsOptions(serve), async () => (await import('./serve.ts')).serve);
};

const openPast: OpenPast = async (network, options) => {
  const { LocalPast } = await import('./past/local-past.ts');
  return LocalPast.open(network, options);
};

const addUninstall = (program: Command): void => {
  const uninstall = networkVerb(program, 'uninstall', {
    summary: 'end a network for good: delete its key and its device from this machine; its log stays',
    examples: ['uninstall acme', 'uninstall acme --yes --delete-log'],
  })
    .option('--yes', 'do not ask whether this is meant')
    .option('--delete-log', 'delete the log too, the only record of what happened in the network')
    .addOption(
      new Option('--keep-log', 'leave the log where it is (the default)').conflicts('deleteLog').hideHelp(),
    );
  runs(
    addHostsOptions(addLocalChangeOptions(uninstall)),
    async () => (await import('./verbs/uninstall.ts')).uninstall,
  );
};

const addShow = (program: Command): void => {
  const added = verb(program, 'show', {
    summary: 'show the networks of this machine, who is connected, and who was seen when',
    examples: ['show', 'show acme', 'show --json'],
  })
    .argument('[network]', 'its name on this machine (default: all)', networkName)
    .option('--json', 'answer with JSON: a list of networks');
  runs(added, async () => (await import('./verbs/show.ts')).show);
};

const addDown = (program: Command): void => {
  const added = networkVerb(program, 'down', {
    summary: "take the server's tunnels of a network down; log, key and peers stay",
    examples: ['down acme', 'down acme --dry-run'],
  }).option('--yes', 'do not ask whether this is meant');
  runs(addLocalChangeOptions(added), async () => (await import('./verbs/down.ts')).down);
};

const addDoctor = (program: Command): void => {
  const added = networkVerb(program, 'doctor', {
    summary: "go through what can be wrong with a network on the server's machine, and say what to do",
    examples: ['doctor acme', 'doctor acme --json'],
  }).option('--json', 'answer with JSON: a list of findings');
  runs(added, async () => (await import('./verbs/doctor.ts')).doctor);
};

const addStandby = (program: Command): void => {
  const added = networkVerb(program, 'standby', {
    summary: 'follow the log of the server from this machine, a named standby, until stopped',
    examples: [
      'standby acme --of acme.kit',
      'standby acme',
      'standby acme --rejoin --dry-run',
      'standby acme --rejoin --yes',
    ],
  })
    .option('--of <file>', 'the kit that the server has made; it is kept here, and asked for once')
    .option(
      '--client-conf <file>',
      'the conf by which this machine is a peer of the network (default: /etc/innernet/NETWORK.conf)',
    )
    .option(
      '--rejoin',
      'give up serving, where another machine serves by now: put log and conf of this machine aside',
    )
    .option('--yes', 'do not ask whether --rejoin is meant');
  runs(addLocalChangeOptions(added), async () => (await import('./verbs/standby.ts')).standby);
};

const addNotify = (program: Command): void => {
  const added = networkVerb(program, 'notify', {
    summary: 'run a program for each new event, which it reads as JSON on stdin, until stopped',
    examples: [
      'notify acme --exec /usr/local/bin/tell-us --type PeerAdded --type PeerDisabled',
      'notify acme --exec ./tell-us --since 42 --dry-run',
    ],
  })
    .option('--exec <file>', 'the program, run without arguments, again until it ends with 0')
    .addOption(new Option('--type <type>', 'only events of this type (repeatable)').argParser(several))
    .option('--since <moment>', 'at the first start: what came after a position or a time (default: now)')
    .option('--cursor <file>', 'where it is noted how far it is (default: NETWORK.notified beside the log)');
  runs(addLocalChangeOptions(added), async () => (await import('./verbs/notify.ts')).notify);
};

const addBackups = (program: Command): void => {
  const added = networkVerb(program, 'backup', {
    summary: 'write a checked copy of the log, also while it is being served',
    examples: ['backup acme acme.backup', 'backup acme /mnt/backups/ --keep 14'],
  })
    .argument('<file>', 'the file to make, or a folder for files that are named by the time')
    .addOption(
      flag('--keep <count>', 'delete all backups in the folder but so many', wholeNumber(1, 100_000)),
    )
    .option('--json', 'answer with JSON: the file and how far it goes');
  runs(added, async () => (await import('./verbs/backup.ts')).backup);
  const putBack = networkVerb(program, 'restore', {
    summary: 'put a copy of the log in its place; what came after it is lost, and is named',
    examples: ['restore acme acme.backup', 'restore acme acme.backup --dry-run'],
  }).argument('<file>', 'the copy');
  addChangeOptions(putBack).action(
    async (network: InterfaceName, file: string, _options, command: Command) => {
      const options = saidTo<RestoreOptions>(command);
      if (!options.dryRun) return (await import('./verbs/restore.ts')).restore(network, file, options);
      const { rehearseRestore } = await import('./verbs/restore-rehearsal.ts');
      return rehearseRestore(network, file, options);
    },
  );
  const lost = networkVerb(program, 'restored', {
    summary: 'carry on after the log was replaced by hand or lost its newest changes',
    examples: ['restored acme', 'restored acme --yes'],
  });
  addChangeOptions(lost).action(async (network: InterfaceName, _options, command: Command) => {
    const options = saidTo<RestoreOptions>(command);
    if (!options.dryRun) return (await import('./verbs/restore.ts')).restored(network, options);
    const { rehearseRestored } = await import('./verbs/restore-rehearsal.ts');
    return rehearseRestored(network, options);
  });
};

const addPromote = (program: Command): void => {
  const added = networkVerb(program, 'promote', {
    summary: 'make this machine of a standby the server, once the old one does not answer any more',
    examples: ['promote acme', 'promote acme --dry-run', 'promote acme --yes'],
  }).option('--yes', 'do not ask whether this is meant');
  runs(addLocalChangeOptions(added), async () => (await import('./verbs/promote.ts')).promote);
};

const addKit = (program: Command): void => {
  const added = networkVerb(program, 'kit', {
    summary:
      'write what another machine needs to take over as the server into a file, sealed by a passphrase',
    examples: [
      'kit acme --save acme.kit',
      'kit acme --save acme.kit --dry-run',
      'kit acme --save acme.kit --yes --json',
    ],
  })
    .option('--save <file>', 'the file to make')
    .option('--yes', 'write over a file that is there already');
  runs(addLocalChangeOptions(added), async () => (await import('./verbs/kit.ts')).kit);
};

const addMoveLog = (program: Command): void => {
  const added = networkVerb(program, 'move-log', {
    summary:
      'put the log of a network into PostgreSQL, or back into its file; the network must not be served',
    examples: [
      'move-log acme postgres://innernet@db1.example.org,db2.example.org/innernet',
      'move-log acme --to-file',
    ],
  })
    .argument('[address]', 'the database, without a password: that is in the file of PGPASSFILE')
    .option('--to-file', 'bring it back to this machine')
    .option('--yes', 'do not ask whether this is meant');
  addLocalChangeOptions(added).action(
    async (network: InterfaceName, address: string | undefined, _options, command: Command) =>
      (await import('./verbs/move-log.ts')).moveLog(network, address, saidTo<MoveLogOptions>(command)),
  );
};

const FILES = [
  ['/etc/innernet-server/NETWORK.conf', "the server's private key, port and address"],
  [
    '/var/lib/innernet-server/NETWORK.events',
    'the log, of which everything else can be made again: back this up',
  ],
  ['/var/lib/innernet-server/NETWORK.witness', 'how far the log had come, so that a loss is noticed'],
] as const;

const summary = 'innernet-server keeps a private WireGuard network: who belongs to it and who sees whom';
const program = newProgram('innernet-server', manifest.version, summary, DEFAULT_FOLDERS);
for (const add of [
  addNew,
  addServe,
  addStandby,
  addShow,
  addDown,
  addPromote,
  addDoctor,
  addNotify,
  addBackups,
  addKit,
  addMoveLog,
  addUninstall,
])
  add(program);
for (const add of [
  addPeerVerbs,
  addInvitationVerbs,
  addCidrVerbs,
  addAssociationVerbs,
  addEndpointVerb,
  addExpiryVerb,
  addProofByKeyVerbs,
  addRelayVerbs,
  addRouteVerbs,
  addPhoneVerbs,
  addStandbyVerbs,
])
  add(program, open);
addPastVerbs(program, { openPast, open });
addUiVerb(program, { open, ownOf: async () => ({ ways: async () => [] }) });
addProofVerbs(program);
addCompletionVerbs(program, [], async (kind, network, options) => {
  const { knownNames } = await import('./verbs/known-names.ts');
  return knownNames(kind, network, options);
});
addManualVerb(program, { aliases: [], files: FILES, seeAlso: ['innernet(8)', 'wg(8)', 'ip(8)'] });
await main(program);

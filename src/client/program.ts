/** The program `innernet`, alias `inn`: its verbs and flags; each verb's code loads on call. */

import { Command, Option } from 'commander';
import manifest from '../../package.json' with { type: 'json' };
import { CLIENT_FOLDERS } from '../caller/client-place.ts';
import { addAssociationVerbs } from '../cli/associations.ts';
import { addCidrVerbs } from '../cli/cidrs.ts';
import { addCompletionVerbs } from '../cli/completions.ts';
import { addEndpointVerb } from '../cli/endpoint.ts';
import { addExpiryVerb } from '../cli/expiry.ts';
import { addInvitationVerbs } from '../cli/invitations.ts';
import { addLocalChangeOptions } from '../cli/local-change.ts';
import { addManualVerb } from '../cli/manual.ts';
import { networkName } from '../cli/network-verb.ts';
import {
  addGlobalOptions,
  addHostsOptions,
  flag,
  portNumber,
  runs,
  saidTo,
  wholeNumber,
} from '../cli/options.ts';
import { addPastVerbs, type RealityOf } from '../cli/past.ts';
import { addPeerVerbs } from '../cli/peers.ts';
import { addPhoneVerbs } from '../cli/phones.ts';
import { networkVerb, newProgram, type Open, verb } from '../cli/program.ts';
import { addProofByKeyVerbs } from '../cli/proofs-by-key.ts';
import { addRelayVerbs, RELAY_PORT } from '../cli/relays.ts';
import { addRouteVerbs } from '../cli/routes.ts';
import { main } from '../cli/run.ts';
import { addStandbyVerbs } from '../cli/standbys.ts';
import { addUiVerb, type OwnOf } from '../ui/verb.ts';
import { Endpoint } from '../values/endpoint.ts';
import { Cidr } from '../values/ip.ts';
import { InterfaceName, RecordedName } from '../values/name.ts';
import { addNatOptions } from './options.ts';

const open: Open = async (network, options) => {
  const [{ ApiPlane }, { refuseShutOut }] = await Promise.all([
    import('./api/api-plane.ts'),
    import('./owner/shut-out.ts'),
  ]);
  await refuseShutOut(network, options);
  return ApiPlane.open(network, options);
};

const addInstall = (program: Command): void => {
  const install = verb(program, 'install', {
    summary: 'join a network by an invitation',
    examples: ['install ann.toml', 'install ann.toml --name work --delete-invite', 'install - < ann.toml'],
  })
    .alias('redeem')
    .argument('<invitation>', 'the file that an admin has given you; - reads it from stdin')
    .addOption(flag('--name <name>', "the network's name on this machine", InterfaceName))
    .option('--default-name', "do not ask for a local name; use the network's own")
    .option('-d, --delete-invite', 'delete the invitation once it is redeemed')
    .option(
      '--allow-range',
      'join also where the range is not private, and its owners cannot be reached then',
    )
    .option('--allow-overlap', 'join also where something else of this machine has addresses of the network');
  runs(
    addNatOptions(addHostsOptions(addLocalChangeOptions(install))),
    async () => (await import('./verbs/install.ts')).install,
  );
};

const addUp = (program: Command): void => {
  const up = verb(program, 'up', {
    summary: 'bring networks up, once or for good; without a name all that are installed',
    examples: ['up', 'up acme', 'up --daemon acme'],
  })
    .argument('[networks...]', 'names on this machine', (name: string, before: InterfaceName[] = []) => [
      ...before,
      networkName(name),
    ])
    .option('-d, --daemon', 'stay, and follow every change as it happens')
    .addOption(
      flag(
        '--interval <seconds>',
        'how often to ask a server that has no live stream',
        wholeNumber(1, 86_400),
      ).default(60),
    );
  up.option('--no-routes', 'take no routes of the network: reach its peers alone');
  runs(addNatOptions(addHostsOptions(up)), async () => (await import('./verbs/up.ts')).up);
};

const addDown = (program: Command): void => {
  const added = networkVerb(program, 'down', {
    summary: "take a network's tunnels down; it stays installed",
    examples: ['down acme'],
  });
  runs(addLocalChangeOptions(added), async () => (await import('./verbs/down.ts')).down);
};

const addUninstall = (program: Command): void => {
  const uninstall = networkVerb(program, 'uninstall', {
    summary:
      'leave a network for good: delete its key, its pins and its device; to return you need a new invitation',
    examples: ['uninstall acme', 'uninstall acme --yes'],
  }).option('--yes', 'do not ask whether this is meant');
  runs(
    addHostsOptions(addLocalChangeOptions(uninstall)),
    async () => (await import('./verbs/uninstall.ts')).uninstall,
  );
};

const addFetch = (program: Command): void => {
  const fetch = networkVerb(program, 'fetch', {
    summary: 'ask the server for what has changed, once, for a network that is up',
    examples: ['fetch acme'],
  });
  runs(addNatOptions(addHostsOptions(fetch)), async () => (await import('./verbs/fetch.ts')).fetch);
};

const addShow = (program: Command): void => {
  const added = verb(program, 'show', {
    summary: 'show your networks and who is connected (the default, without a verb)',
    examples: ['show', 'show acme --short', 'show acme --tree', 'show --json'],
  })
    .alias('list')
    .argument('[network]', 'its name on this machine', networkName)
    .option('-s, --short', 'one line a peer')
    .option('-t, --tree', 'hang the peers under their CIDRs')
    .option('--json', 'answer with JSON: a list of networks');
  runs(added, async () => (await import('./verbs/show.ts')).show);
};

const addPing = (program: Command): void => {
  const added = networkVerb(program, 'ping', {
    summary: 'ask the program of another peer through the tunnel: by which way, and how fast',
    examples: ['ping acme bob', 'ping acme 10.61.1.5 --count 60'],
  })
    .argument('<peer>', 'its name or address, as "show" names it')
    .addOption(flag('--count <n>', 'how often, once a second; default 5', wholeNumber(1, 1_000_000)))
    .option('--json', 'answer with JSON, one line each');
  runs(added, async () => (await import('./verbs/ping.ts')).ping);
};

const addForgetPin = (program: Command): void => {
  const added = networkVerb(program, 'forget-pin', {
    summary: "accept a peer's new key or address where it is held back; check with its owner first",
    examples: ['forget-pin acme bob', 'forget-pin acme 10.61.1.5'],
  }).argument('<peer>', 'its name or address, as "show" names it');
  runs(addLocalChangeOptions(added), async () => (await import('./verbs/forget-pin.ts')).forgetPin);
};

const addDoctor = (program: Command): void => {
  const added = networkVerb(program, 'doctor', {
    summary: 'go through what can be wrong with a network on this machine, and say what to do',
    examples: ['doctor acme', 'doctor acme --json'],
  }).option('--json', 'answer with JSON: a list of findings');
  runs(added, async () => (await import('./verbs/doctor.ts')).doctor);
};

const addSetListenPort = (program: Command): void => {
  const added = networkVerb(program, 'set-listen-port', {
    summary: 'fix the UDP port at which WireGuard listens on this machine, or let it be any',
    examples: ['set-listen-port acme --listen-port 51820', 'set-listen-port acme --unset'],
  })
    .addOption(flag('-l, --listen-port <port>', 'the port', portNumber))
    .addOption(new Option('-u, --unset', 'let WireGuard choose a port').conflicts('listenPort'))
    .option('--yes', 'do not ask whether this is meant');
  runs(addLocalChangeOptions(added), async () => (await import('./verbs/listen-port.ts')).setListenPort);
};

const addServeRelay = (program: Command): void => {
  const added = networkVerb(program, 'serve-relay', {
    summary: 'let this machine pass packets between other peers, if an admin names it a relay (set-relay)',
    examples: ['serve-relay acme', 'serve-relay acme --port 4000', 'serve-relay acme --off'],
  })
    .addOption(flag('--port <port>', `the UDP port that it opens (default: ${RELAY_PORT})`, portNumber))
    .addOption(new Option('--off', 'pass none any more').conflicts('port'))
    .option('--yes', 'do not ask whether this is meant');
  runs(addLocalChangeOptions(added), async () => (await import('./verbs/serve-relay.ts')).serveRelay);
};

const addOfferRoute = (program: Command): void => {
  const added = networkVerb(program, 'offer-route', {
    summary:
      'let this machine carry packets between peers and a network behind it, for those whom an admin lets (add-route)',
    examples: [
      'offer-route acme 192.168.50.0/24',
      'offer-route acme --exit',
      'offer-route acme 192.168.50.0/24 --off',
    ],
  })
    .addOption(flag('--block <block>', 'the network behind this machine, such as 192.168.50.0/24', Cidr))
    .word('block', '--block', 'the network behind this machine')
    .option('--exit', 'what peers send to the Internet')
    .option('--off', 'carry it no longer; without a block or --exit: carry nothing any more')
    .option('--yes', 'do not ask whether this is meant');
  addLocalChangeOptions(added).action(async (network: InterfaceName) => {
    const client = await import('./verbs/offer-route.ts');
    await client.offerRoute(network, saidTo(added));
  });
};

const addUseExit = (program: Command): void => {
  const added = networkVerb(program, 'use-exit', {
    summary: 'let all that has no nearer way leave by an exit of the network, or as it did before (off)',
    examples: ['use-exit acme berlin', 'use-exit acme off'],
  })
    .addOption(flag('--exit <name>', 'its name, or off', RecordedName))
    .option('--yes', 'do not ask whether this is meant')
    .word('exit', '--exit', 'its name, or off');
  addLocalChangeOptions(added).action(async (network: InterfaceName) => {
    const client = await import('./verbs/use-exit.ts');
    await client.useExit(network, saidTo(added));
  });
};

const addOverrideEndpoint = (program: Command): void => {
  const added = networkVerb(program, 'override-endpoint', {
    summary: 'tell the network where this machine is reached, in place of what the server sees',
    examples: [
      'override-endpoint acme --endpoint 203.0.113.7:51820',
      'override-endpoint acme -e 0.0.0.0:51820',
      'override-endpoint acme --unset',
    ],
  })
    .addOption(
      flag(
        '-e, --endpoint <host:port>',
        'where; host 0.0.0.0: where the server sees it, with this port',
        Endpoint,
      ),
    )
    .addOption(new Option('-u, --unset', 'be reached where the server sees it').conflicts('endpoint'))
    .option('--yes', 'do not ask whether this is meant')
    .option('--dry-run', 'only say what would be recorded')
    .option('--json', 'answer with JSON: what was recorded, or would be');
  runs(added, async () => (await import('./verbs/own-endpoint.ts')).overrideEndpoint);
};

const addOverridePeerEndpoint = (program: Command): void => {
  const added = networkVerb(program, 'override-peer-endpoint', {
    summary: 'reach a peer elsewhere than the network says, from this machine only',
    examples: [
      'override-peer-endpoint acme --name bob --endpoint 192.168.1.9:51820',
      'override-peer-endpoint acme --name bob --unset',
    ],
  })
    .addOption(flag('--name <peer>', 'its name or address', RecordedName))
    .addOption(flag('-e, --endpoint <host:port>', 'where it is reached from here', Endpoint))
    .addOption(new Option('-u, --unset', 'reach it where the network says').conflicts('endpoint'))
    .option('--yes', 'do not ask whether this is meant')
    .word('peer', '--name', 'its name or address');
  addLocalChangeOptions(added).action(async (network: InterfaceName) => {
    const client = await import('./verbs/peer-endpoint.ts');
    await client.overridePeerEndpoint(network, saidTo(added));
  });
};

const addAcknowledge = (program: Command): void => {
  const added = networkVerb(program, 'acknowledge', {
    summary:
      "accept that an older copy of the network's history was put back, or that the server is an older one",
    examples: ['acknowledge acme', 'acknowledge acme --older-server'],
  }).option(
    '--older-server',
    'the network went back to a server that does not prove itself: take what it says',
  );
  runs(addLocalChangeOptions(added), async () => (await import('./verbs/acknowledge.ts')).acknowledge);
};

const realityOf: RealityOf = async (network, names, options) => {
  const client = await import('./verbs/reality.ts');
  return client.realityOf(network, names, options);
};

const ownOf: OwnOf = async (network, options) => {
  const client = await import('./verbs/own.ts');
  return client.ownOf(network, options);
};

const addVerify = (program: Command): void => {
  const added = networkVerb(program, 'verify', {
    summary: "check that the server's log still contains the history that this machine has seen",
    examples: ['verify acme'],
  }).option('--json', 'answer with JSON: what this machine has seen, and where the log ends');
  runs(added, async () => (await import('./verbs/verify.ts')).verify);
};

const summary = 'innernet makes this machine a peer of private WireGuard networks';

const ALIASES = ['inn'];

const FILES = [
  ['/etc/innernet/NETWORK.conf', 'the private key of this machine, and where the server is'],
  [
    '/var/lib/innernet/NETWORK.json',
    'what this machine sees of the network, and the keys that it has pinned',
  ],
  ['/var/lib/innernet/NETWORK.journal', 'what has changed since that was written'],
  ['/var/lib/innernet/NETWORK.proved', 'whether the server is known to prove itself'],
] as const;

/** Whether there are only global flags. */
const isBare = (args: readonly string[]): boolean => {
  try {
    const probe = new Command().exitOverride().configureOutput({ outputError: () => {} });
    addGlobalOptions(probe, CLIENT_FOLDERS);
    const { operands, unknown } = probe.parseOptions([...args]);
    return operands.length === 0 && unknown.length === 0;
  } catch {
    return false;
  }
};

const program = newProgram('innernet', manifest.version, summary, CLIENT_FOLDERS);
for (const add of [
  addInstall,
  addUp,
  addDown,
  addUninstall,
  addFetch,
  addShow,
  addPing,
  addForgetPin,
  addAcknowledge,
])
  add(program);
for (const add of [
  addSetListenPort,
  addServeRelay,
  addOfferRoute,
  addUseExit,
  addOverrideEndpoint,
  addOverridePeerEndpoint,
  addDoctor,
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
addPastVerbs(program, { openPast: open, open, realityOf });
addVerify(program);
addUiVerb(program, { open, ownOf });
addCompletionVerbs(program, ALIASES, async (kind, network, options) => {
  const { knownNames } = await import('./verbs/known-names.ts');
  return knownNames(kind, network, options);
});
addManualVerb(program, { aliases: ALIASES, files: FILES, seeAlso: ['innernet-server(8)', 'wg(8)', 'ip(8)'] });
const args = process.argv.slice(2);
await main(program, isBare(args) ? [...args, 'show'] : args);

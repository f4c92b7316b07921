// What counts as used: the programs, the tests and the scripts, and what they import. With `--production` the programs alone,
// so that no test keeps alive what nothing else needs; an export that its own file uses may be there for a test.
const isProduction = process.argv.includes('--production');

const programs = [
  'src/client/program.ts!',
  'src/server/program.ts!',
  'src/server/past/past-thread.ts!',
  'src/page/main.ts!',
];

/** The format of signatures, held by tests and docs/log-format.md: no program signs yet. */
const formats = ['src/domain/{signed-state,statement}.ts!', 'src/machine/signing.ts!'];

export default {
  entry: [
    ...programs,
    ...formats,
    'scripts/*.{js,ts}',
    'bench/*.ts',
    'bench/load/{server,crowd,relay-host,standby-host,wireguard-work}.ts',
    'test/**/*.ts',
  ],
  project: ['src/**/*.{ts,tsx}!', 'test/**/*.ts', 'bench/**/*.ts', 'scripts/**/*.{js,ts}'],
  // A type that its own file uses may be exported for the reader of an error message.
  ignoreExportsUsedInFile: isProduction || { interface: true, type: true },
  // Its script is read as a file.
  ignoreDependencies: ['axe-core'],
  // Programs of the system; all but prlimit are for tests and scripts only.
  ignoreBinaries: [
    'prlimit',
    'dpkg',
    'less',
    'man',
    'mandoc',
    'script',
    'setpriv',
    'mount',
    'umount',
    'unshare',
    'dpkg-query',
    'du',
    'rsvg-convert',
    'nsenter',
  ],
};

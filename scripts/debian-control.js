// What dpkg is told of the Debian package: on what it depends, and what is done when it comes and goes.
// @ts-check
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Every file below a folder, links left out.
 * @param {string} folder
 * @returns {string[]}
 */
const filesIn = (folder) =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();

/**
 * The newest of a library's symbol versions that the machine code in the package asks for: `GLIBC_2.34` → `2.34`.
 * @param {string[]} files
 * @param {RegExp} pattern
 */
const newestSymbol = (files, pattern) => {
  const found = files.flatMap((file) =>
    [...readFileSync(file, 'latin1').matchAll(pattern)].map(([, version = '']) => version),
  );
  return found.sort((a, b) => a.localeCompare(b, 'en', { numeric: true })).at(-1) ?? '0';
};

/** Which libstdc++6 has which of its symbol versions (GCC's ABI policy). @param {string} minor */
const libstdcxx = (minor) =>
  Object.entries({ 25: '8', 26: '9', 28: '9', 29: '11', 30: '12', 32: '13', 33: '14', 34: '15' }).find(
    ([each]) => Number(each) >= Number(minor),
  )?.[1] ?? '15';

/**
 * The control file of a package whose files lie in a folder.
 * @param {string} name
 * @param {{ name: string, version: string, description: string }} manifest
 * @param {string} folder
 */
export const control = (name, manifest, folder) => {
  const files = filesIn(folder);
  const native = files.filter((file) => file.endsWith('.node') || file.endsWith('/node'));
  const size = files.reduce((sum, file) => sum + Math.ceil(statSync(file).size / 1024), 0);
  const depends = [
    `libc6 (>= ${newestSymbol(native, /GLIBC_(\d+\.\d+)/g)})`,
    `libstdc++6 (>= ${libstdcxx(newestSymbol(native, /GLIBCXX_3\.4\.(\d+)/g))})`,
    'libgcc-s1',
    'iproute2',
    'wireguard-tools | wireguard-go',
  ];
  return `Package: ${name}
Version: ${manifest.version}
Architecture: ${execFileSync('dpkg', ['--print-architecture'], { encoding: 'utf8' }).trim()}
Maintainer: the authors of ${manifest.name} <root@localhost>
Section: net
Priority: optional
Installed-Size: ${size}
Depends: ${depends.join(', ')}
Recommends: wireguard-tools, nftables
Suggests: wireguard-go, bash-completion
Provides: innernet, innernet-server
Conflicts: innernet, innernet-server
Replaces: innernet, innernet-server
Description: ${manifest.description.replace(/^A /, '').replace(/\.$/, '')}
 The programs innernet (short: inn) and innernet-server, with the Node.js that
 runs them, systemd units, shell completions and manual pages. Files and API
 are those of innernet 2.0, whose place it takes.
`;
};

const UNITS = `'innernet@*.service' 'innernet-server@*.service' 'innernet-notify@*.service' 'innernet-standby@*.service'`;

/** Daemons of an older version are started anew; tunnels stay up meanwhile. */
export const POSTINST = `#!/bin/sh
set -e
if [ "$1" = configure ] && [ -d /run/systemd/system ]; then
  systemctl daemon-reload
  [ -z "$2" ] || systemctl try-restart ${UNITS} || true
fi
`;

/** Tunnels, keys and logs stay: those are taken away by \`down\` and \`uninstall\`, one network at a time. */
export const PRERM = `#!/bin/sh
set -e
if [ "$1" = remove ] && [ -d /run/systemd/system ]; then
  systemctl stop ${UNITS} 'innernet-backup@*.timer' || true
fi
`;

export const POSTRM = `#!/bin/sh
set -e
if [ -d /run/systemd/system ]; then systemctl daemon-reload || true; fi
`;

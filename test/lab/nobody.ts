// A user without any right on a host: a clone in /root, or one made under umask 077, cannot be read by them.
import { basename } from 'node:path';
import type { Host } from '../lab.ts';

const FOLDER = '/run/for-nobody';

/** $0 is the folder, $1 this Node, then what else is to be read: copies, but for Node, whose file may be read. */
const PUT = `
set -e
mkdir -p -m 755 "$0"
if ! [ -e "$0/node" ]; then touch "$0/node"; mount --bind "$1" "$0/node"; fi
shift
cp -r "$@" "$0"
find "$0" -mindepth 1 ! -name node -exec chmod a+rX {} +
`;

/** Gives that user copies of files and folders; says how Node is started as them, and where the copies lie. */
export const nobodyOn = async (host: Host, ...paths: string[]) => {
  await host.sure(['sh', '-c', PUT, FOLDER, process.execPath, ...paths]);
  const user = ['setpriv', '--reuid', '65534', '--regid', '65534', '--clear-groups'];
  return { node: [...user, `${FOLDER}/node`], copies: paths.map((path) => `${FOLDER}/${basename(path)}`) };
};

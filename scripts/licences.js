// The licences of what is carried along: ours, Node's, and those of the npm packages in the bundles or beside them.
// @ts-check
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const RULE = `\n\n${'-'.repeat(80)}\n\n`;

/**
 * Every licence of the npm packages in these folders, which are named from the repository's root.
 * @param {Iterable<string>} packages
 */
export const licencesOf = (packages) =>
  [...packages]
    .sort()
    .map((path) => {
      const file = readdirSync(join(root, path)).find((name) => /^licen[cs]e/i.test(name));
      const { name, version, license } = JSON.parse(readFileSync(join(root, path, 'package.json'), 'utf8'));
      const text = file ? readFileSync(join(root, path, file), 'utf8') : `Licence: ${license}`;
      return `${name} ${version}\n\n${text}`.trim();
    })
    .join(RULE);

/**
 * Every licence under which something in a package comes; `runtime` is the Node that it carries.
 * @param {string} name
 * @param {{ place: string, version: string, licence: string }} runtime
 * @param {Iterable<string>} packages
 */
export const copyright = (name, runtime, packages) =>
  [
    `${name}\n\n${readFileSync(join(root, 'LICENSE'), 'utf8')}`.trim(),
    `Node.js ${runtime.version}, in ${runtime.place}\n\n${runtime.licence}`.trim(),
    licencesOf(packages),
  ].join(RULE);

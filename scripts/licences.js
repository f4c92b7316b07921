// The licences of all that a package carries: ours, Node's, and those of the npm packages in the bundles.
// @ts-check
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

/** Packages whose code is in the bundles or beside them, as npm has put them here. */
const production = () => {
  /** @type {{ packages: Record<string, { dev?: boolean, devOptional?: boolean }> }} */
  const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'));
  return Object.entries(lock.packages)
    .filter(([path, { dev }]) => path !== '' && !dev && existsSync(join(root, path)))
    .map(([path]) => path);
};

/**
 * Every licence under which something in the package comes; `runtime` is where it carries Node.
 * @param {string} name
 * @param {string} runtime
 */
export const copyright = (name, runtime) => {
  const parts = [`${name}\n\n${readFileSync(join(root, 'LICENSE'), 'utf8')}`];
  parts.push(
    `Node.js ${process.version}, in ${runtime}\n\nIts licence, and those of what it contains: ` +
      `https://github.com/nodejs/node/blob/${process.version}/LICENSE`,
  );
  for (const path of production()) {
    const file = readdirSync(join(root, path)).find((name) => /^licen[cs]e/i.test(name));
    const { name, version, license } = JSON.parse(readFileSync(join(root, path, 'package.json'), 'utf8'));
    const text = file ? readFileSync(join(root, path, file), 'utf8') : `Licence: ${license}`;
    parts.push(`${name} ${version}\n\n${text}`);
  }
  return parts.map((part) => part.trim()).join(`\n\n${'-'.repeat(80)}\n\n`);
};

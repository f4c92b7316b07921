// What is in a package, as a CycloneDX document: each part with its version, licence and the hash of what was published.
// @ts-check
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { Enums, Models, Serialize, SPDX, Spec } from '@cyclonedx/cyclonedx-library';

/** @typedef {{ name: string, version: string, integrity?: string, license?: string | undefined, purl?: string }} Part */

/** @param {string} text */
const licenceOf = (text) =>
  SPDX.isSupportedSpdxId(text) ? new Models.SpdxLicense(text) : new Models.NamedLicense(text);

/** @param {Part} part */
const purlOf = ({ name, version, purl }) => purl ?? `pkg:npm/${name.replace('@', '%40')}@${version}`;

/** @param {Part} part */
const component = (part) => {
  const { name, version, integrity, license } = part;
  const purl = purlOf(part);
  const made = new Models.Component(Enums.ComponentType.Library, name, { version, purl, bomRef: purl });
  if (license) made.licenses.add(licenceOf(license));
  const [algorithm, hash] = integrity?.split(/-(.*)/s) ?? [];
  const known = { sha256: Enums.HashAlgorithm['SHA-256'], sha512: Enums.HashAlgorithm['SHA-512'] };
  if (algorithm === 'sha256' || algorithm === 'sha512')
    made.hashes.set(known[algorithm], Buffer.from(hash ?? '', 'base64').toString('hex'));
  return made;
};

/**
 * The document of a package that lies in a file, as JSON. The same parts give the same document.
 * @param {{ name: string, version: string, license: string, file: string }} whole
 * @param {Iterable<Part>} parts
 */
export const billOfMaterials = ({ name, version, license, file }, parts) => {
  const made = new Models.Component(Enums.ComponentType.Application, name, {
    version,
    bomRef: basename(file),
  });
  made.licenses.add(licenceOf(license));
  made.hashes.set(
    Enums.HashAlgorithm['SHA-256'],
    createHash('sha256').update(readFileSync(file)).digest('hex'),
  );
  const bom = new Models.Bom({ metadata: new Models.Metadata({ component: made }) });
  for (const part of parts) {
    const each = component(part);
    bom.components.add(each);
    made.dependencies.add(each.bomRef);
  }
  const normalize = new Serialize.JSON.Normalize.Factory(Spec.Spec1dot6);
  return `${new Serialize.JsonSerializer(normalize).serialize(bom, { sortLists: true, space: 2 })}\n`;
};

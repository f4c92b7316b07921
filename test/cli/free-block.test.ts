// The block that is proposed for a new CIDR: free, inside the network, and no wider than it has room for.
import { expect, it } from 'vitest';
import { freeBlock } from '../../src/cli/free-block.ts';
import { CidrId, ROOT_CIDR } from '../../src/values/id.ts';

const free = (root: string, ...taken: string[]) =>
  freeBlock({
    cidrs: [{ id: ROOT_CIDR, cidr: root }, ...taken.map((cidr, at) => ({ id: CidrId.parse(at + 2), cidr }))],
  });

it.each([
  ['10.61.0.0/16', ['10.61.0.1/32'], '10.61.1.0/24'],
  ['10.61.0.0/16', ['10.61.0.1/32', '10.61.1.0/24', '10.61.2.0/23'], '10.61.4.0/24'],
  ['10.61.7.0/24', ['10.61.7.1/32'], '10.61.7.128/25'],
  ['10.61.7.0/24', ['10.61.7.1/32', '10.61.7.128/25'], undefined],
  ['10.61.7.0/30', [], undefined],
  ['fd00:61::/48', ['fd00:61::1/128'], 'fd00:61::100/120'],
])('in %s beside %j: %s', (root, taken, block) => expect(free(root, ...taken)).toBe(block));

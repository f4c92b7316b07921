// `innernet doctor`: what it finds on a healthy machine, and the step that it names on sick ones.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CLIENT, follow, type Host, SmallNetwork, until } from './small-network.ts';

let network: SmallNetwork;
let ann: Host;

beforeAll(async () => {
  network = await SmallNetwork.create();
  ann = (await network.join('ann')).host;
});
afterAll(() => network.close());

type Finding = { step: string; grade: string; found: string; hint?: string };

const examine = async (...flags: string[]): Promise<{ code: number | null; findings: Finding[] }> => {
  const { code, stdout } = await ann.exec([...CLIENT, ...flags, 'doctor', 'acme', '--json']);
  return { code, findings: JSON.parse(stdout) };
};
const gradesOf = (findings: readonly Finding[], grade: string) =>
  findings.filter((finding) => finding.grade === grade).map(({ step }) => step);

describe('a healthy machine', () => {
  it('passes every step; without a daemon that is said', async () => {
    const { code, findings } = await examine();
    expect(findings.map(({ step }) => step)).toEqual(
      'root tun device address route MTU overlap DNS handshake API clock version daemon peers'.split(' '),
    );
    expect([code, gradesOf(findings, 'warning'), gradesOf(findings, 'failed')]).toEqual([0, ['daemon'], []]);
  });

  it('passes in words too', async () => {
    const daemon = await follow(ann);
    const { code, stdout } = await ann.exec([...CLIENT, 'doctor', 'acme']);
    expect([code, stdout]).toEqual([
      0,
      expect.stringMatching(/^ok {6}root[\s\S]*\nnothing is wrong that can be seen from here\n$/),
    ]);
    daemon.kill('SIGKILL');
    await daemon.ended;
  });
});

/** What somebody does to the machine, and the step that tells it. */
describe('a sick machine', () => {
  it.each([
    ['address', 'failed', 'ip address del 10.42.1.1/16 dev acme', 'up acme'],
    ['route', 'failed', 'ip route del 10.42.0.0/16', 'up acme'],
    ['MTU', 'warning', 'ip link set acme mtu 1400', 'up acme'],
    ['overlap', 'warning', 'ip address add 10.42.9.1/24 dev eth0', 'renumber'],
    ['device', 'failed', 'wg set acme private-key /dev/null', 'up acme'],
    ['device', 'failed', 'ip link delete acme', 'up --daemon acme'],
  ])('%s %s: %s', async (step, grade, harm, hint) => {
    await ann.sure(['sh', '-c', harm]);
    const { code, findings } = await examine();
    const finding = findings.find((one) => one.step === step);
    expect([finding?.grade, finding?.hint]).toEqual([grade, expect.stringContaining(hint)]);
    expect(code).toBe(grade === 'failed' ? 1 : 0);
    await ann.exec(['ip', 'address', 'del', '10.42.9.1/24', 'dev', 'eth0']);
    await ann.sure([...CLIENT, 'up', 'acme']);
    expect(gradesOf((await examine()).findings, 'failed')).toEqual([]);
  });

  it('cannot tell of the server what needs a device', async () => {
    await ann.sure([...CLIENT, 'down', 'acme']);
    const { findings } = await examine();
    expect(gradesOf(findings, 'failed')).toEqual(['device']);
    expect(gradesOf(findings, 'skipped')).toContain('handshake');
    await ann.sure([...CLIENT, 'up', 'acme']);
  });

  it('the server is away: the handshake fails, and what needs it is not looked at', async () => {
    await network.stopServing();
    await network.server.sure(['ip', 'link', 'delete', 'acme']);
    await ann.sure([...CLIENT, 'down', 'acme']);
    await ann.exec([...CLIENT, 'up', 'acme']);
    const { code, findings } = await examine();
    expect([code, gradesOf(findings, 'failed')]).toEqual([1, ['handshake']]);
    expect(gradesOf(findings, 'skipped')).toEqual(['API', 'clock', 'version']);
    await network.serve();
    await until('it is well again', async () => {
      await ann.exec([...CLIENT, 'up', 'acme']);
      return (await examine()).code === 0;
    });
  });

  it('says so where nothing is installed', async () => {
    const { code, stderr } = await ann.exec([...CLIENT, 'doctor', 'other']);
    expect([code, stderr]).toEqual([1, expect.stringContaining('the network other is not installed')]);
  });
});

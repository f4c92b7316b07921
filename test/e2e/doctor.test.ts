// `innernet doctor`: what it finds on a healthy machine, and the step that it names on sick ones.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CLIENT, clientOfNobody, follow, type Host, SmallNetwork, until } from './small-network.ts';

let network: SmallNetwork;
let ann: Host;

beforeAll(async () => {
  network = await SmallNetwork.create();
  ann = (await network.join('ann')).host;
});
afterAll(() => network.close());

type Finding = { step: string; grade: string; found: string; hint?: string };

type Examination = { code: number | null; findings: Finding[] };
const examine = async (
  env: Record<string, string> = {},
  client: readonly string[] = CLIENT,
): Promise<Examination> => {
  const { code, stdout } = await ann.exec([...client, 'doctor', 'acme', '--json'], { env });
  return { code, findings: JSON.parse(stdout) };
};
const findingOf = ({ findings }: Examination, step: string) => findings.find((one) => one.step === step);
const gradesOf = (findings: readonly Finding[], grade: string) =>
  findings.filter((finding) => finding.grade === grade).map(({ step }) => step);

describe('a healthy machine', () => {
  it('passes every step; without a daemon that is said', async () => {
    const { code, findings } = await examine();
    expect(findings.map(({ step }) => step)).toEqual(
      'root tun device address route guard MTU range overlap forwarding DNS handshake API clock proof version admins daemon relay limits filter relaying routing peers'.split(
        ' ',
      ),
    );
    expect([code, gradesOf(findings, 'warning'), gradesOf(findings, 'failed')]).toEqual([0, ['daemon'], []]);
    expect(findings.at(-1)?.found).toMatch(
      /^only the server is in sight: humans has no other peer, and no assoc/,
    );
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
    ['guard', 'failed', 'ip rule del priority 50', 'up acme'],
    ['overlap', 'failed', 'ip address add 10.42.9.1/24 dev eth0', 'renumber'],
    ['overlap', 'failed', 'ip route add 10.42.8.0/24 dev eth0 table 77', 'renumber'],
    ['overlap', 'warning', 'ip address add 10.9.9.1/8 dev eth0', 'renumber'],
    ['device', 'failed', 'wg set acme private-key /dev/null', 'up acme'],
    ['device', 'failed', 'ip link delete acme', 'up --daemon acme'],
  ])('%s %s: %s', async (step, grade, harm, hint) => {
    await ann.sure(['sh', '-c', harm]);
    const { code, findings } = await examine();
    const finding = findings.find((one) => one.step === step);
    expect([finding?.grade, finding?.hint]).toEqual([grade, expect.stringContaining(hint)]);
    expect(code).toBe(grade === 'failed' ? 1 : 0);
    for (const block of ['10.42.9.1/24', '10.9.9.1/8'])
      await ann.exec(['ip', 'address', 'del', block, 'dev', 'eth0']);
    await ann.exec(['ip', 'route', 'flush', 'table', '77']);
    await ann.sure([...CLIENT, 'up', 'acme']);
    expect(gradesOf((await examine()).findings, 'failed')).toEqual([]);
  });

  it('root: whoever may read the files but is not root is told', async () => {
    const folders = '/etc/innernet /var/lib/innernet';
    await ann.sure([
      'sh',
      '-c',
      `chmod 755 ${folders}; chmod 644 /etc/innernet/acme.conf /var/lib/innernet/*`,
    ]);
    const examination = await examine({}, await clientOfNobody(ann));
    expect(findingOf(examination, 'root')).toMatchObject({
      grade: 'failed',
      found: 'this is not run by root',
    });
    expect([examination.code, findingOf(examination, 'device')?.grade]).toEqual([1, 'skipped']);
    await ann.sure([
      'sh',
      '-c',
      `chmod 700 ${folders}; chmod 600 /etc/innernet/acme.conf /var/lib/innernet/*`,
    ]);
  });

  it('tun: a machine without the device that carries the traffic', async () => {
    await ann.sure(['mount', '-t', 'tmpfs', 'none', '/dev/net']);
    const examination = await examine();
    await ann.sure(['umount', '/dev/net']);
    expect(findingOf(examination, 'tun')).toMatchObject({
      ...{ grade: 'warning', found: expect.stringContaining('there is no /dev/net/tun') },
      hint: expect.stringContaining('modprobe tun'),
    });
  });

  it('port: the device listens elsewhere than the conf says', async () => {
    await ann.sure([...CLIENT, 'set-listen-port', 'acme', '-l', '41830']);
    await ann.sure(['wg', 'set', 'acme', 'listen-port', '41831']);
    expect(findingOf(await examine(), 'device')).toMatchObject({
      ...{ grade: 'warning', found: 'the device listens at port 41831, the conf says 41830' },
      hint: expect.stringContaining("ss -ulpn 'sport = :41830'"),
    });
    await ann.sure([...CLIENT, 'set-listen-port', 'acme', '--unset']);
  });

  it.each([
    ['nowhere.invalid', "the server's name nowhere.invalid cannot be looked up"],
    ['inside.test', "the server's name leads into the network itself: 10.42.0.1:51820"],
  ])('DNS: the server is called %s', async (name, found) => {
    const conf = '/etc/innernet/acme.conf';
    await ann.sure(['cp', '-p', conf, '/run/acme.conf']);
    await ann.sure(['sed', '-i', `s/^external-endpoint = .*/external-endpoint = "${name}:51820"/`, conf]);
    await ann.sure(['sh', '-c', 'echo 10.42.0.1 inside.test >>/etc/hosts']);
    const examination = await examine();
    await ann.sure(['cp', '-p', '/run/acme.conf', conf]);
    expect([examination.code, findingOf(examination, 'DNS')]).toEqual([
      1,
      { step: 'DNS', grade: 'failed', found, hint: expect.stringContaining('DNS') },
    ]);
    expect(gradesOf(examination.findings, 'skipped')).toContain('handshake');
  });

  it('API: the tunnel stands, and something on the way stops the calls', async () => {
    const rules =
      'table ip sick { chain out { type filter hook output priority 0; oifname "acme" meta l4proto tcp reject; }; }';
    await ann.sure(['nft', rules]);
    const examination = await examine();
    await ann.sure(['nft', 'delete', 'table', 'ip', 'sick']);
    expect([examination.code, gradesOf(examination.findings, 'failed')[0]]).toEqual([1, 'API']);
    expect(findingOf(examination, 'API')?.hint).toBeTruthy();
  });

  it('clock: two hours behind', async () => {
    const late = 'const now = Date.now; Date.now = () => now() - 7_200_000;';
    const examination = await examine({
      NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(late)}`,
    });
    const finding = findingOf(examination, 'clock');
    expect(finding).toMatchObject({ grade: 'warning', hint: expect.stringContaining('NTP') });
    expect(finding?.found).toMatch(/^this machine's clock is 7[12]\d\d s behind the server's$/);
  });

  it('cannot tell of the server what needs a device', async () => {
    await ann.sure([...CLIENT, 'down', 'acme']);
    const { findings } = await examine();
    expect(gradesOf(findings, 'failed')).toEqual(['device']);
    expect(gradesOf(findings, 'skipped')).toContain('handshake');
    await ann.sure([...CLIENT, 'up', 'acme']);
  });

  it('the tunnel stands, and the program of the server does not run', async () => {
    await network.stopServing();
    const examination = await examine();
    await network.serve();
    expect([examination.code, gradesOf(examination.findings, 'failed')]).toEqual([1, ['API']]);
    expect(findingOf(examination, 'API')).toMatchObject({
      found: expect.stringMatching(/^the machine answers, but innernet-server is not running on it/),
      hint: 'there: systemctl start innernet-server@acme',
    });
    expect(findingOf(examination, 'clock')).toMatchObject({ grade: 'skipped' });
  });

  it('the server is away: the handshake fails, and what needs it is not looked at', async () => {
    await network.stopServing();
    await network.server.sure(['ip', 'link', 'delete', 'acme']);
    await ann.sure([...CLIENT, 'down', 'acme']);
    const daemon = ann.spawn([...CLIENT, 'up', '--daemon', 'acme']);
    await daemon.line(/up at/);
    await daemon.stop('SIGKILL');
    const { code, findings } = await examine();
    expect([code, gradesOf(findings, 'failed')]).toEqual([1, ['handshake']]);
    expect(gradesOf(findings, 'skipped')).toEqual(['API', 'clock', 'version', 'admins']);
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

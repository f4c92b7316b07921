// The faults that are tried, R1 and on: where their tests are, how they are tried for longer, and a line whose loss
// turns them red. docs/reliability.md tells people the same.

/** One line of the program, and what it becomes: the tests of its fault must fail then. */
export type Sabotage = { file: string; line: string; becomes: string };

export type Tried = {
  file: string;
  /** What part of their titles counts. */
  titles?: string;
  /** Of tests that throw dice, how often in the long form; the others run as they are. */
  rounds?: number;
  /** The variable that says so. */
  variable?: 'FLIPS' | 'PROPERTY_RUNS' | 'FUZZ_RUNS';
  /** Takes minutes: the long form alone has it. */
  isLong?: boolean;
};

export type Fault = {
  id: string;
  /** What goes wrong. */
  what: string;
  tests: readonly Tried[];
  /** Each by itself. */
  sabotages: readonly Sabotage[];
};

export const FAULTS: readonly Fault[] = [
  {
    id: 'R1',
    what: 'killed at the k-th fsync or write, and at random moments under load',
    tests: [
      { file: 'test/torture/r01-kills.test.ts', rounds: 1_200 },
      { file: 'test/e2e/log-crash.test.ts', titles: 'killed' },
      { file: 'test/e2e/kills.test.ts' },
    ],
    sabotages: [
      {
        file: 'src/store/writer.ts',
        line: 'this.#commit.run();',
        becomes: 'queueMicrotask(() => this.#commit.run());',
      },
    ],
  },
  {
    id: 'R2',
    what: 'the disk fails at fsync, is full, or may not be written to',
    tests: [{ file: 'test/e2e/log-crash.test.ts', titles: 'disk' }],
    sabotages: [
      {
        file: 'src/store/writer.ts',
        line: "if (error.code === 'SQLITE_FULL') {",
        becomes: "if (error.code === 'SQLITE_FULLER') {",
      },
    ],
  },
  {
    id: 'R3',
    what: 'a second server of one network; programs of an older and a newer version on one file',
    tests: [
      { file: 'test/store/sqlite-log.test.ts', titles: 'a file of another version' },
      { file: 'test/store/open.test.ts' },
    ],
    sabotages: [
      {
        file: 'src/store/open.ts',
        line: 'if (version > SCHEMA_VERSION) {',
        becomes: 'if (version > SCHEMA_VERSION + 1000) {',
      },
    ],
  },
  {
    id: 'R4',
    what: 'flipped bits in file and WAL, a WAL that is cut or gone, an older copy',
    tests: [
      { file: 'test/torture/r04-damage.test.ts', rounds: 5_000 },
      { file: 'test/torture/r04-hostile-databases.test.ts', rounds: 2_500 },
      { file: 'test/store/witness.test.ts' },
      { file: 'test/server/audit.test.ts' },
    ],
    sabotages: [
      {
        file: 'src/store/verify.ts',
        line: 'if (!witness) return undefined;',
        becomes: 'if (!witness || witness) return undefined;',
      },
    ],
  },
  {
    id: 'R5',
    what: 'killed during migration, checkpoint, backup, restore, import',
    tests: [
      { file: 'test/torture/r05-killed-backup.test.ts', rounds: 200 },
      { file: 'test/server/restore.test.ts', titles: 'killed at' },
      { file: 'test/server/import.test.ts', titles: 'stopped on the way' },
    ],
    sabotages: [
      {
        file: 'src/store/backup.ts',
        line: '{to}.draft`;',
        becomes: '{to}`;',
      },
    ],
  },
  {
    id: 'R6',
    what: 'fifty writers at one position, in several processes; one name, address, key; one command id twice',
    tests: [
      { file: 'test/torture/r06-races.test.ts', rounds: 1_000 },
      { file: 'test/server/control-plane.test.ts', titles: 'a race for one name' },
      { file: 'test/server/control-plane.test.ts', titles: 'a command that is asked twice' },
      { file: 'test/store/sqlite-log.test.ts', titles: 'one winner' },
    ],
    sabotages: [
      {
        file: 'src/store/writer.ts',
        line: 'if (head.position !== expected || commits.some((commit) => this.#isKnown(commit)))',
        becomes: 'if (commits.some((commit) => this.#isKnown(commit)))',
      },
    ],
  },
  {
    id: 'R7',
    what: 'frames lost, doubled, delayed, reordered, cut',
    tests: [
      { file: 'test/torture/r07-bad-line.test.ts', rounds: 200 },
      { file: 'test/server/stream.property.test.ts', variable: 'PROPERTY_RUNS', rounds: 1_000 },
      { file: 'test/client/stream.test.ts' },
    ],
    sabotages: [
      {
        file: 'src/client/memory/chain.ts',
        line: "if (link.from > head.position) return { kind: 'gap' };",
        becomes: 'if (link.from > head.position + 1) return { kind: "gap" };',
      },
    ],
  },
  {
    id: 'R8',
    what: 'one client reads slowly or not at all, others normally',
    tests: [{ file: 'test/server/hub.test.ts', titles: 'a reader that is slow' }],
    sabotages: [
      {
        file: 'src/server/stream/hub.ts',
        line: 'else if (now - (member.behindSince ?? now) > MAX_DRAIN_MS) this.#cutOff(member);',
        becomes: '',
      },
    ],
  },
  {
    id: 'R9',
    what: 'the window of the history has passed while clients were away',
    tests: [{ file: 'test/server/hub.test.ts', titles: 'longer than the window' }],
    sabotages: [
      {
        file: 'src/server/stream/hub.ts',
        line: 'member.write(fetchFrame(this.#live));',
        becomes: '',
      },
    ],
  },
  {
    id: 'R10',
    what: 'clients return at once, the server restarted again and again',
    tests: [
      { file: 'test/torture/r10-returned-together.test.ts', rounds: 5_000 },
      { file: 'test/slow/many-sockets.test.ts', rounds: 5_000, isLong: true },
      { file: 'test/server/stream.property.test.ts', variable: 'PROPERTY_RUNS', rounds: 200 },
      { file: 'test/server/live.test.ts' },
    ],
    sabotages: [
      {
        file: 'src/server/stream/hub.ts',
        line: 'return this.#live.window.hashAt(position) === hash ? position : undefined;',
        becomes: 'return this.#live.window.hashAt(position) === hash ? undefined : undefined;',
      },
    ],
  },
  {
    id: 'R11',
    what: 'the clock jumps by hours in either direction',
    tests: [
      { file: 'test/torture/r11-clocks.test.ts', rounds: 2_000 },
      { file: 'test/torture/r11-moved-clocks.test.ts' },
      { file: 'test/client/session-times.test.ts' },
    ],
    sabotages: [
      {
        file: 'src/domain/peers.ts',
        line: '!peer.isRedeemed && peer.inviteExpires !== null && peer.inviteExpires <= now;',
        becomes: 'false;',
      },
    ],
  },
  {
    id: 'R12',
    what: 'a lying server: keys, addresses, ranges, replays',
    tests: [{ file: 'test/e2e/lying-server.test.ts', titles: 'R12' }, { file: 'test/client/mirror.test.ts' }],
    sabotages: [
      {
        file: 'src/client/memory/pins.ts',
        line: "if (atIp && counts(atIp)) return 'KeyChanged';",
        becomes: 'if (pinned) return undefined;',
      },
      {
        file: 'src/client/api/measured-json.ts',
        line: 'return things <= MAX_THINGS;',
        becomes: 'return things <= things;',
      },
    ],
  },
  {
    id: 'R13',
    what: 'a lying server: another history for all or for one',
    tests: [{ file: 'test/e2e/lying-server.test.ts', titles: 'R13' }, { file: 'test/client/chain.test.ts' }],
    sabotages: [
      {
        file: 'src/client/memory/chain.ts',
        line: "if (server.position < head.position) return 'ServerBehind';",
        becomes: '',
      },
    ],
  },
  {
    id: 'R14',
    what: "yesterday's backup is put back under fifty live clients",
    tests: [
      { file: 'test/torture/r14-restored-backup.test.ts' },
      { file: 'test/slow/restored-backup.test.ts', isLong: true },
      { file: 'test/e2e/restore.test.ts' },
      { file: 'test/client/restored.test.ts' },
      { file: 'test/server/restore.test.ts' },
    ],
    sabotages: [
      {
        file: 'src/client/memory/mirror.ts',
        line: "for (const row of shown) if (staysOut(row)) held.push({ row, rule: 'SeenGone' });",
        becomes: '',
      },
    ],
  },
  {
    id: 'R15',
    what: 'the server is away while a client reboots',
    tests: [
      { file: 'test/e2e/client.test.ts', titles: 'R15' },
      { file: 'test/slow/server-away.test.ts', isLong: true },
    ],
    sabotages: [
      {
        file: 'src/client/tunnels/device-keeper.ts',
        line: 'const rows = [...this.#mirror.tunnels()];',
        becomes: 'const rows = [...this.#mirror.tunnels()].slice(0, 0);',
      },
    ],
  },
  {
    id: 'R16',
    what: 'hostile HTTP: bodies, JSON, headers, paths; hostile documents in TOML and JSON',
    tests: [
      { file: 'test/server/api-fuzz.test.ts', variable: 'FUZZ_RUNS', rounds: 1_000 },
      { file: 'test/torture/r16-hostile-http.test.ts', rounds: 25_000 },
      { file: 'test/torture/r16-hostile-documents.test.ts', rounds: 20_000 },
    ],
    sabotages: [
      {
        file: 'src/server/http/api.ts',
        line: 'bodyLimit: MAX_BODY_BYTES,',
        becomes: '',
      },
    ],
  },
  {
    id: 'R17',
    what: 'hostile WebSockets: nonsense, floods, half-open connections',
    tests: [
      { file: 'test/torture/r17-hostile-websocket.test.ts', rounds: 20_000 },
      { file: 'test/server/hub.test.ts', titles: 'what a client says' },
      { file: 'test/server/hub.test.ts', titles: 'a reader that is slow' },
      { file: 'test/server/api-fuzz.test.ts', titles: 'the upgrade to a stream' },
    ],
    sabotages: [
      {
        file: 'src/server/stream/hub.ts',
        line: 'if (member.heard === MAX_HEARD) this.#throttle(member);',
        becomes: '',
      },
    ],
  },
  {
    id: 'R18',
    what: 'an invitation redeemed twice, too late, with another key, its answer lost',
    tests: [
      { file: 'test/torture/r06-races.test.ts', rounds: 200 },
      { file: 'test/server/api-v1.test.ts', titles: 'redeem' },
      { file: 'test/e2e/client.test.ts', titles: 'R18' },
      { file: 'test/domain/invitations.test.ts', titles: 'redeemed' },
    ],
    sabotages: [
      {
        file: 'src/domain/peers.ts',
        line: "if (network.isRetiredKey(key)) return { code: 'KeyRetired', key };",
        becomes: '',
      },
    ],
  },
  {
    id: 'R19',
    what: 'the API asked from outside the tunnel',
    tests: [
      { file: 'test/e2e/api-socket.test.ts' },
      { file: 'test/server/api-door.test.ts' },
      { file: 'test/e2e/browser.test.ts' },
    ],
    sabotages: [
      {
        file: 'src/wireguard/libc.ts',
        line: 'bindToDevice(fd, device);',
        becomes: '',
      },
    ],
  },
  {
    id: 'R20',
    what: 'the last visible peer goes',
    tests: [{ file: 'test/e2e/client.test.ts', titles: 'R20' }],
    sabotages: [
      {
        file: 'src/client/memory/mirror.ts',
        line: 'peers: { changed: accepted, removed: peers.removed },',
        becomes: 'peers: { changed: accepted, removed: [] },',
      },
    ],
  },
  {
    id: 'R21',
    what: 'keys that are used, retired, of small order, or spelled otherwise',
    tests: [
      { file: 'test/values/key.test.ts' },
      { file: 'test/server/api-v1.test.ts', titles: 'refuses a key' },
    ],
    sabotages: [
      {
        file: 'src/domain/peers.ts',
        line: "if (network.peerWithKey(key)) return { code: 'KeyTaken', key };",
        becomes: '',
      },
    ],
  },
  {
    id: 'R22',
    what: 'twenty peers redeem at once, with delays and lost answers',
    tests: [
      { file: 'test/torture/r22-redeemed-together.test.ts', rounds: 50 },
      { file: 'test/slow/redeemed-together.test.ts', isLong: true },
    ],
    sabotages: [
      {
        file: 'src/domain/invitations.ts',
        line: "return peer.publicKey === publicKey ? accept() : reject({ code: 'AlreadyRedeemed', name: peer.name });",
        becomes: "return reject({ code: 'AlreadyRedeemed', name: peer.name });",
      },
    ],
  },
  {
    id: 'R23',
    what: 'two admins change one row, one of them from an old list',
    tests: [
      { file: 'test/server/api-v1.test.ts', titles: 'holds both when two admins' },
      { file: 'test/torture/r06-races.test.ts', rounds: 200 },
    ],
    sabotages: [
      {
        file: 'src/server/http/admin-peers.ts',
        line: 'if (row) return row;',
        becomes: 'if (row) return { ...row, is_disabled: live.network.peer(id)?.isDisabled === true };',
      },
    ],
  },
  {
    id: 'R24',
    what: 'thousands of peers on a device, unknown fields, hostile answers, a device that is half up',
    tests: [
      { file: 'test/torture/r24-hostile-devices.test.ts', rounds: 20_000 },
      { file: 'test/e2e/wireguard.test.ts' },
      { file: 'test/wireguard/uapi.test.ts' },
      { file: 'test/e2e/client.test.ts', titles: 'R24' },
    ],
    sabotages: [
      {
        file: 'src/wireguard/reading.ts',
        line: 'if (!/^[0-9a-f]{64}$/i.test(hex))',
        becomes: 'if (hex === undefined)',
      },
    ],
  },
  {
    id: 'R25',
    what: 'killed at each step of writing conf, pins, hosts file, under any umask',
    tests: [
      { file: 'test/machine/durable-file.test.ts' },
      { file: 'test/client/journal.test.ts', titles: 'R25' },
    ],
    sabotages: [
      {
        file: 'src/machine/durable-file.ts',
        line: 'await draft.chmod(old ? old.mode & 0o7777 : mode);',
        becomes: '',
      },
    ],
  },
  {
    id: 'R26',
    what: 'another LAN, VPN or network claims addresses of ours: by lease, by router advertisement, before and after up',
    tests: [
      { file: 'test/e2e/stolen-routes.test.ts' },
      { file: 'test/e2e/overlaps.test.ts' },
      { file: 'test/wireguard/guard.test.ts' },
    ],
    sabotages: [
      {
        file: 'src/wireguard/guard.ts',
        line: 'const PRIORITY = 50;',
        becomes: 'const PRIORITY = 32_767;',
      },
    ],
  },
  {
    id: 'R27',
    what: 'a peer sends through the server to what lies behind it',
    tests: [{ file: 'test/e2e/forwarding.test.ts' }, { file: 'test/filter/filter-table.test.ts' }],
    sabotages: [
      {
        file: 'src/filter/through.ts',
        line: '" counter drop`,',
        becomes: '" counter accept`,',
      },
    ],
  },
  {
    id: 'R28',
    what: 'the hardest questions, as often as four peers may ask; questions about what was hidden from the asker',
    tests: [
      { file: 'test/server/questions.test.ts' },
      { file: 'test/server/far-answerer.test.ts' },
      { file: 'test/server/recorded-times.test.ts' },
      { file: 'test/server/own-past.property.test.ts', variable: 'PROPERTY_RUNS', rounds: 400 },
      { file: 'test/server/past-api.test.ts', titles: 'what a peer did not see' },
    ],
    sabotages: [
      {
        file: 'src/server/http/questions.ts',
        line: 'return turns.take(() => this.#lanes[laneOf(question)].take(() => this.#work(question, request)));',
        becomes:
          'void turns; return this.#lanes[laneOf(question)].take(() => this.#work(question, request));',
      },
      {
        file: 'src/server/http/questions.ts',
        line: 'this.#door.owe(now, costOfWork(work));',
        becomes: 'void costOfWork(work);',
      },
      {
        file: 'src/server/past/recorded-times.ts',
        line: 'if (earliest !== undefined && earliest <= time) return this.#lastIn(block, head, time);',
        becomes: 'if (earliest !== undefined && earliest < time) return this.#lastIn(block, head, time);',
      },
      {
        file: 'src/server/past/own-past.ts',
        line: 'if (!isInSight(why, self)) throw',
        becomes: 'if (!self) throw',
      },
    ],
  },
  {
    id: 'R29',
    what: 'two networks of one program, two programs and an editor write the hosts file at once',
    tests: [
      { file: 'test/torture/r29-hosts-races.test.ts', rounds: 200 },
      { file: 'test/cli/hosts-writer.test.ts' },
      { file: 'test/cli/hosts-file.test.ts' },
      { file: 'test/e2e/hosts.test.ts' },
    ],
    sabotages: [
      {
        file: 'src/cli/hosts-file.ts',
        line: 'await withFileLock(lock, () => editFile(path, edited, { mode: 0o644 }));',
        becomes: 'void withFileLock; await editFile(path, edited, { mode: 0o644 });',
      },
      {
        file: 'src/cli/edited-file.ts',
        line: 'return await replaceFile(path, after, { mode, inPlace: true, instead });',
        becomes: 'return await replaceFile(path, after, { mode, inPlace: true });',
      },
      {
        file: 'src/cli/hosts-writer.ts',
        line: 'this.#look ??= setInterval(() => void this.write(), LOOK_EVERY_MS);',
        becomes: 'void LOOK_EVERY_MS;',
      },
    ],
  },
  {
    id: 'R30',
    what: 'other users of the machine at our sockets, locks and folders',
    tests: [
      { file: 'test/e2e/foreign-hands.test.ts' },
      { file: 'test/client/owner.test.ts' },
      { file: 'test/store/process-lock.test.ts' },
      { file: 'test/machine/durable-file.test.ts', titles: 'into which everybody may write' },
    ],
    sabotages: [
      {
        file: 'src/client/owner/owner.ts',
        line: 'await chmod(draft, 0o600);',
        becomes: 'void chmod;',
      },
      {
        file: 'src/store/process-lock.ts',
        line: 'if ((mode & 0o007) !== 0) chmodSync(file, mode & 0o770);',
        becomes: 'void mode; void chmodSync;',
      },
      {
        file: 'src/machine/durable-file.ts',
        line: 'if ((mode & 0o002) === 0) return;',
        becomes: 'if ((mode & 0o002) === 0 || mode > 0) return;',
      },
    ],
  },
  {
    id: 'R31',
    what: 'a program on the machine of an admin, without its key, asks for changes where proofs are required',
    tests: [{ file: 'test/domain/proofs.test.ts' }, { file: 'test/server/unproved-refusals.test.ts' }],
    sabotages: [
      {
        file: 'src/domain/decide.ts',
        line: "if (unproved) return reject({ code: 'ProofNeeded', name: unproved.name, command: command.type });",
        becomes: '',
      },
      {
        file: 'src/domain/proofs.ts',
        line: "return hasProved ? 'nothing' : 'reads-and-reports';",
        becomes: "return hasProved ? 'reads-and-reports' : 'reads-and-reports';",
      },
      {
        file: 'src/domain/proofs.ts',
        line: 'const unknown = peers.filter(({ isRedeemed, hasProved }) => isRedeemed && !hasProved);',
        becomes: 'const unknown = peers.filter(({ hasProved }) => !hasProved);',
      },
    ],
  },
];

/** Not of the table: routers and servers that do as they like, hostile people, and time. */
export const OTHERS: readonly Fault[] = [
  {
    id: 'R32',
    what: "an impostor at the server's address, and a tunnel that is down",
    tests: [{ file: 'test/e2e/impostor.test.ts' }],
    sabotages: [
      {
        file: 'src/caller/way.ts',
        line: 'const socket = socketOf(fd);',
        becomes: 'const socket = new Socket();',
      },
      {
        file: 'src/caller/way.ts',
        line: "if (device === 0) throw networkDown(this.#network, 'there is no device of that name');",
        becomes:
          'if (device === 0) return { device, connect: (to) => new Socket().connect(portOf(to), hostOf(to)) };',
      },
      {
        file: 'src/client/tunnels/address-watch.ts',
        line: 'if (isOther) this.#look.onDevice();',
        becomes: '',
      },
    ],
  },
  {
    id: 'R33',
    what: 'in the place of a server that proves itself, or of a known history, somebody who does not',
    tests: [
      { file: 'test/client/proofs.test.ts' },
      { file: 'test/client/mirror.test.ts', titles: 'R33' },
      { file: 'test/e2e/downgrade.test.ts', titles: 'R33' },
    ],
    sabotages: [
      {
        file: 'src/client/memory/trust.ts',
        line: "if (this.standing === 'proves') return 'Unproved';",
        becomes: '',
      },
      {
        file: 'src/client/memory/trust.ts',
        line: "return this.standing === 'unknown' && knowsHistory ? 'NoHistory' : undefined;",
        becomes: 'return undefined;',
      },
      {
        file: 'src/client/api/api.ts',
        line: "else if (proofs.trust.standing === 'proves') throw await this.#nobody(answer.status);",
        becomes: '',
      },
      {
        file: 'src/client/memory/mirror.ts',
        line: 'if (this.isDoubted) return this.#doubtful(delta.peers.removed, delta.routes?.removed);',
        becomes: '',
      },
    ],
  },
  {
    id: 'R34',
    what: 'pins of an impostor',
    tests: [{ file: 'test/client/mirror.test.ts', titles: 'R34' }, { file: 'test/e2e/downgrade.test.ts' }],
    sabotages: [
      {
        file: 'src/client/memory/pins.ts',
        line: 'const counts = (pin: Pin): boolean => !(isProved && pin.isUnmet);',
        becomes: 'const counts = (_pin: Pin): boolean => true;',
      },
      {
        file: 'src/client/memory/pins.ts',
        line: 'if (!pin?.isUnmet) return false;',
        becomes: 'return false;',
      },
    ],
  },
  {
    id: 'R35',
    what: 'proofs that are forged, changed, late, or heard before; the key of an invitation that has been redeemed',
    tests: [{ file: 'test/server/proof-door.test.ts' }, { file: 'test/protocol/proof-by-key.test.ts' }],
    sabotages: [
      {
        file: 'src/protocol/proof.ts',
        line: 'const DIRECTION = { client: 1, server: 2 } as const;',
        becomes: 'const DIRECTION = { client: 1, server: 1 } as const;',
      },
      {
        file: 'src/protocol/proof.ts',
        line: "sealed('answer', tag, String(status),",
        becomes: "sealed('answer', tag.subarray(0, 0), String(status),",
      },
      {
        file: 'src/protocol/proof.ts',
        line: 'boot === now.boot && Math.abs(at - now.now) <= TOLERANCE_MS;',
        becomes: '(boot.length > 0 || now.boot.length > 0) && Math.abs(at - now.now) <= TOLERANCE_MS;',
      },
      {
        file: 'src/server/proof/nonces.ts',
        line: "if (young.has(nonce) || this.#old.get(key)?.has(nonce)) return 'used';",
        becomes: '',
      },
      {
        file: 'src/server/http/door.ts',
        line: 'evidence.key === peer.publicKey || JOINING.includes(role)',
        becomes: 'evidence.key === peer.publicKey || JOINING.length > 0',
      },
      {
        file: 'src/server/http/door.ts',
        line: 'if (this.connections.keyOf(socket) === peer.publicKey) return true;',
        becomes: 'if (this.connections.keyOf(socket) !== undefined) return true;',
      },
    ],
  },
  {
    id: 'R36',
    what: "connections, streams and calls without end by a program that has a peer's address and no key",
    tests: [
      { file: 'test/server/proof-door.test.ts', titles: 'connections' },
      { file: 'test/e2e/idle-floods.test.ts' },
    ],
    sabotages: [
      {
        file: 'src/server/sessions/connections.ts',
        line: 'filter((each) => each.standing === standing);',
        becomes: "filter(() => standing !== 'silent');",
      },
      {
        file: 'src/server/sessions/connections.ts',
        line: "if (connection.looks <= MAX_LOOKS + (connection.standing === 'opening' ? 2 : 0)) continue;",
        becomes: 'if (connection.looks >= MAX_LOOKS || connection.looks < MAX_LOOKS) continue;',
      },
      {
        file: 'src/server/stream/hub.ts',
        line: '.filter((member) => member.isProved === isProved);',
        becomes: '.filter((member) => member.isProved !== undefined || isProved);',
      },
      {
        file: 'src/server/http/door.ts',
        line: 'const calls = evidence ? this.#calls.proved : this.#calls.unproved;',
        becomes: 'const calls = evidence ? this.#calls.unproved : this.#calls.unproved;',
      },
    ],
  },
  {
    id: 'R40',
    what: 'strangers flood the relay with packets of each kind',
    tests: [
      { file: 'test/relay/relay.test.ts', titles: 'strangers use up' },
      { file: 'test/relay/relay.property.test.ts', rounds: 5_000, variable: 'PROPERTY_RUNS' },
      { file: 'test/e2e/relay.test.ts', titles: 'R40' },
    ],
    sabotages: [
      {
        file: 'src/relay/mac1-search.ts',
        line: 'if (!this.#triesForStrangers.take(now) || !this.#tries.take(now)) return undefined;',
        becomes: 'if (!this.#tries.take(now)) return undefined;',
      },
      {
        file: 'src/relay/relay.ts',
        line: 'if (!source) return this.#dataOfOtherPort(packet, index, from, now);',
        becomes: 'if (!source) return [this.#send(packet, from)];',
      },
    ],
  },
  {
    id: 'R41',
    what: 'a pair that may no longer talk, whose programs are frozen while WireGuard runs, goes on at the relay',
    tests: [
      { file: 'test/relay/relay.test.ts', titles: 'cut off' },
      { file: 'test/e2e/relay.test.ts', titles: 'R41' },
      { file: 'test/e2e/ways.test.ts', titles: 'the server can cut them off' },
    ],
    sabotages: [
      { file: 'src/server/sessions/sessions.ts', line: 'relay.follow(step);', becomes: '' },
      {
        file: 'src/filter/relay-ways.ts',
        line: 'for (const [key, wanted] of changed) this.#note(key, textOf(wanted?.way));',
        becomes: 'for (const [key] of changed) this.#note(key, textOf(this.#wanted.get(key)?.way));',
      },
      {
        file: 'src/relay/relay.ts',
        line: 'return this.#sees(left, right) && this.#sees(right, left);',
        becomes: 'return this.#sees(left, right) || this.#sees(right, left);',
      },
    ],
  },
  {
    id: 'R42',
    what: "the relay's table is removed by somebody who flushes nftables",
    tests: [{ file: 'test/e2e/relay.test.ts', titles: 'R42' }],
    sabotages: [
      {
        file: 'src/filter/relay-ways.ts',
        line: 'return this.#make();',
        becomes: 'return Promise.resolve();',
      },
    ],
  },
  {
    id: 'R43',
    what: 'another table drops what the kernel passes on for the relay, as Docker does',
    tests: [{ file: 'test/e2e/relay.test.ts', titles: 'R43' }],
    sabotages: [
      {
        file: 'src/filter/relay-ways.ts',
        line: 'else if (taken - this.#takenAtLastSent >= MIN_LOST) await this.#giveUp();',
        becomes: '',
      },
    ],
  },
  {
    id: 'R44',
    what: "mailbox packets that are forged or replayed, from a stranger's address or one of a pool of the router's",
    tests: [{ file: 'test/relay/relay.test.ts', titles: 'a mailbox' }],
    sabotages: [
      {
        file: 'src/relay/relay.ts',
        line: 'if (!this.#members.on(hostOf(from) as Ip).has(member)) {',
        becomes: 'if (from.length === 0) {',
      },
      {
        file: 'src/relay/members.ts',
        line: "if (now - member.movedAt < MIN_STAY_MS) return 'tooSoon';",
        becomes: '',
      },
    ],
  },
  {
    id: 'R45',
    what: 'indices of others that are guessed or sniffed, responses that nobody asked for',
    tests: [{ file: 'test/relay/relay.test.ts', titles: 'a handshake' }],
    sabotages: [
      { file: 'src/relay/sessions.ts', line: 'if (same.some(isTaken)) return undefined;', becomes: '' },
      {
        file: 'src/relay/relay.ts',
        line: "if (!this.#members.get(handshake.from)?.ownMac.isOf(packet)) return this.#drop('unasked');",
        becomes: '',
      },
    ],
  },
  {
    id: 'R46',
    what: 'the relay is killed in any state',
    tests: [
      { file: 'test/relay/relay.test.ts', titles: 'a later run' },
      { file: 'test/relay/relay.property.test.ts', rounds: 5_000, variable: 'PROPERTY_RUNS' },
      { file: 'test/e2e/relay.test.ts', titles: 'killed' },
    ],
    sabotages: [
      {
        file: 'src/relay/relay.ts',
        line: 'if (now - session.startedAt >= SESSION_MS || !this.#mayTalk(left.peer, right.peer)) continue;',
        becomes: 'if (now >= session.startedAt) continue;',
      },
    ],
  },
  {
    id: 'R47',
    what: 'routers reboot, the direct way is cut in one direction or both, relays die, machines move, in any order',
    tests: [
      { file: 'test/client/paths.test.ts' },
      { file: 'test/client/trial.test.ts' },
      { file: 'test/client/path-stories.test.ts', rounds: 5_000, variable: 'PROPERTY_RUNS' },
      { file: 'test/e2e/ways.test.ts' },
    ],
    sabotages: [
      {
        file: 'src/client/tunnels/paths.ts',
        line: 'const DEAD_MS = 1500;',
        becomes: 'const DEAD_MS = 9000;',
      },
      {
        file: 'src/client/tunnels/trial-pauses.ts',
        line: 'this.#falls.length >= MAX_FALLS ? FALLS_WITHIN_MS : AFTER_FALL_MS',
        becomes: 'AFTER_FALL_MS',
      },
      {
        file: 'src/client/tunnels/paths.ts',
        line: 'if (path.metBy !== relay.id) {',
        becomes: 'if (relay.id === undefined) {',
      },
    ],
  },
  {
    id: 'R48',
    what: "a relay on a peer's machine goes on with a pair that was cut off, or once it is none any more",
    tests: [
      { file: 'test/server/relay-duties.test.ts' },
      { file: 'test/client/served.test.ts' },
      { file: 'test/e2e/peer-relay.test.ts', titles: 'R48' },
    ],
    sabotages: [
      { file: 'src/server/stream/hub.ts', line: 'this.#relayDuties.follow(step);', becomes: '' },
      {
        file: 'src/server/stream/relay-duties.ts',
        line: 'duty.clientele.forgetSights();',
        becomes: '',
      },
      {
        file: 'src/client/relay/served.ts',
        line: 'for (const id of removed) peers.delete(id);',
        becomes: '',
      },
    ],
  },
  {
    id: 'R49',
    what: "the machine of a relay dies under a pair, its program is killed while the server is away, or the other's program is silent",
    tests: [
      { file: 'test/client/paths.test.ts', titles: 'when the direct way dies' },
      { file: 'test/server/relay-duties.test.ts' },
      { file: 'test/e2e/peer-relay.test.ts' },
    ],
    sabotages: [
      {
        file: 'src/client/tunnels/paths.ts',
        line: 'path.relayStaysUntil = now + RELAY_STAYS_MS;',
        becomes: '',
      },
      {
        file: 'src/server/stream/relay-duties.ts',
        line: 'if (!member.canServe || !this.#spoken.has(member)) return undefined;',
        becomes: 'if (!member.canServe) return undefined;',
      },
    ],
  },
  {
    id: 'R50',
    what: 'the table that limits what peers begin is removed by somebody who flushes nftables',
    tests: [{ file: 'test/e2e/limits.test.ts', titles: 'R50' }],
    sabotages: [
      {
        file: 'src/filter/table-watch.ts',
        line: 'if (this.#removed.test(line)) this.#tell();',
        becomes: 'if (this.#removed.test(line)) return;',
      },
    ],
  },
  {
    id: 'R51',
    what: 'the program that limits is killed, and then the network is taken down',
    tests: [{ file: 'test/e2e/limits.test.ts', titles: 'R51' }],
    sabotages: [
      {
        file: 'src/client/verbs/down.ts',
        line: '  await removeTable(network);',
        becomes: '',
      },
    ],
  },
  {
    id: 'R52',
    what: 'a machine without nftables, or where it ceases to work, has peers whose ports are limited',
    tests: [{ file: 'test/e2e/limits.test.ts', titles: 'R52' }],
    sabotages: [
      {
        file: 'src/client/tunnels/inbound-limits.ts',
        line: 'return !this.#works && ',
        becomes: 'return false && ',
      },
    ],
  },
  {
    id: 'R53',
    what: 'a rule ends under a live connection, or under one from before connections were tracked; it flips under traffic; ufw, firewalld or Docker stand beside it',
    tests: [
      { file: 'test/slow/limits.test.ts', rounds: 1_000, variable: 'FLIPS' },
      { file: 'test/filter/inbound.test.ts' },
    ],
    sabotages: [
      {
        file: 'src/filter/inbound.ts',
        line: "'ct state established,related ct direction reply accept',",
        becomes: "'ct state established,related accept',",
      },
      {
        file: 'src/filter/inbound.ts',
        line: "at: { hook: 'prerouting', priority: 'mangle' },",
        becomes: "at: { hook: 'prerouting', priority: 'srcnat' },",
      },
      {
        file: 'src/filter/inbound.ts',
        line: '} goto judge`,',
        becomes: '} continue`,',
      },
    ],
  },
  {
    id: 'R54',
    what: 'packets are under way by the relay while a pair goes over to the direct way',
    tests: [{ file: 'test/e2e/ways.test.ts', titles: 'they go over to the direct way' }],
    sabotages: [
      {
        file: 'src/client/tunnels/ways.ts',
        line: "if (typeof index === 'number') await",
        becomes: "if (typeof index === 'bigint') await",
      },
    ],
  },
  {
    id: 'R83',
    what: "the server's machine is cut off, and another with its key and a copy of its log takes its address; a log that is merely catching up",
    tests: [
      { file: 'test/e2e/other-machine.test.ts' },
      { file: 'test/server/first-handshakes.test.ts' },
      { file: 'test/server/stream-reminder.test.ts' },
      { file: 'test/server/hub.test.ts' },
      { file: 'test/client/session.test.ts' },
      { file: 'test/client/stream.test.ts' },
    ],
    sabotages: [
      {
        file: 'src/server/device/first-handshakes.ts',
        line: 'const KEEPALIVE_UNTIL_MET = 1;',
        becomes: 'const KEEPALIVE_UNTIL_MET = 0;',
      },
      {
        file: 'src/client/sync/session.ts',
        line: "if (this.#phase.kind === 'streaming') return [{ do: 'probe' }];",
        becomes: '',
      },
      {
        file: 'src/server/stream/behind.ts',
        line: 'if (position === undefined || hash === undefined || position <= head.position) return true;',
        becomes: 'if (head.position >= 0) return true;',
      },
    ],
  },
  {
    id: 'R88',
    what: 'the server or its standby killed at any moment while records are appended, shipped and acknowledged',
    tests: [
      { file: 'test/e2e/standby.test.ts', titles: 'R88', rounds: 40 },
      { file: 'test/server/standby.test.ts' },
    ],
    sabotages: [
      {
        file: 'src/server/standby/gate.ts',
        line: 'if (this.#held.length === 0 && this.safe >= this.#head) show();',
        becomes: 'if (this.#held.length >= 0) show();',
      },
    ],
  },
  {
    id: 'R89',
    what: 'a standby that is frozen, too slow or too old; one with another history; one whose peer is not named',
    tests: [{ file: 'test/e2e/standby.test.ts', titles: 'R89' }, { file: 'test/server/standby.test.ts' }],
    sabotages: [
      {
        file: 'src/server/standby/gate.ts',
        line: 'for (const standby of late) standby.isLevel = false;',
        becomes: '',
      },
      {
        file: 'src/server/following/following.ts',
        line: "stream.send({ kind: 'update-me', position, type: type.slice(0, 64) });",
        becomes: '',
      },
      {
        file: 'src/server/standby/followers.ts',
        line: "if ((own?.hash ?? NO_HASH) !== query.hash) return end('otherHistory');",
        becomes: '',
      },
    ],
  },
  {
    id: 'R84',
    what: "the server's machine dies: its standby is promoted while the old one stands, twice, with a wrong passphrase, killed at any step, by a clock that is behind",
    tests: [
      { file: 'test/e2e/promote.test.ts' },
      { file: 'test/e2e/promote-lost.test.ts' },
      { file: 'test/e2e/question.test.ts' },
      { file: 'test/server/promote.test.ts' },
    ],
    sabotages: [
      {
        file: 'src/wireguard/initiation.ts',
        line: 'return packet.readUInt32LE(8) === this.#dice.index && this.#opens(packet);',
        becomes: 'return false;',
      },
      {
        file: 'src/server/verbs/promote.ts',
        line: 'promotion?.peerId === id &&',
        becomes: 'promotion?.peerId !== id &&',
      },
      {
        file: 'src/server/device/device-follower.ts',
        line: "return [{ kind: 'recreate', publicKey, allowedIps: [] }];",
        becomes: 'return [];',
      },
    ],
  },
  {
    id: 'R85',
    what: "the old server's machine comes back after a promotion, its tunnel up or not",
    tests: [{ file: 'test/e2e/promote.test.ts', titles: 'R85' }],
    sabotages: [
      {
        file: 'src/server/handover/second-server.ts',
        line: 'if (place === undefined) return;',
        becomes: 'if (place !== null) return;',
      },
    ],
  },
  {
    id: 'NAT',
    what: 'two routers that let in unasked packets, and remember them',
    tests: [{ file: 'test/slow/nat-accept.test.ts' }],
    sabotages: [
      {
        file: 'src/client/tunnels/contacts.ts',
        line: "return { kind: 'recreate', publicKey, allowedIps: [singleton(ip)], keepalive: 0 };",
        becomes:
          "return { kind: 'recreate', publicKey, allowedIps: [singleton(ip)], keepalive: 0, endpoint: contact.endpoints[0] };",
      },
    ],
  },
  {
    id: 'MOVES',
    what: 'a server that goes to another address, a router that gives another port',
    tests: [{ file: 'test/slow/moves.test.ts' }],
    sabotages: [
      {
        file: 'src/client/sync/follower.ts',
        line: "await this.#take({ kind: 'unfit', loss: 'silent' });",
        becomes: ';',
      },
    ],
  },
  {
    id: 'MODEL',
    what: 'any sequence of commands, IPv4 and IPv6',
    tests: [{ file: 'test/domain/changes.property.test.ts', variable: 'PROPERTY_RUNS', rounds: 10_000 }],
    sabotages: [
      {
        file: 'src/domain/peer.ts',
        line: 'export const looksSame = sameIn(SHOWN_FIELDS);',
        becomes: "export const looksSame = sameIn(SHOWN_FIELDS.filter((field) => field !== 'endpoint'));",
      },
    ],
  },
  {
    id: 'HONEST',
    what: 'any story with an honest server, with proofs by both ends, by the server alone, and by the client alone',
    tests: [{ file: 'test/server/honest.property.test.ts', variable: 'PROPERTY_RUNS', rounds: 200 }],
    sabotages: [
      {
        file: 'src/server/stream/hub.ts',
        line: 'if (this.#behind.isMet(peerId, query)) this.#begin(socket, member, query);',
        becomes: 'if (this.#behind.isMet(peerId, query)) this.#begin(socket, member, opening ? {} : query);',
      },
    ],
  },
  {
    id: 'KEYS',
    what: 'private keys in what programs write, start, say, or leave behind in a crash',
    tests: [{ file: 'test/e2e/keys.test.ts' }],
    sabotages: [
      {
        file: 'src/client/verbs/install.ts',
        line: 'const kept = { invitation: invited, privateKey: privateKey.reveal() };',
        becomes:
          'const kept = { invitation: invited, privateKey: privateKey.reveal() }; console.error(kept);',
      },
      {
        file: 'src/client/verbs/report.ts',
        line: 'restored: mirror.notice,',
        becomes: 'restored: mirror.notice, ...{ conf: { ...conf, privateKey: conf.privateKey.reveal() } },',
      },
      {
        file: 'src/protocol/conf.ts',
        line: "context.addIssue({ code: 'custom', message: 'a private key is 32 bytes in base64' });",
        becomes: "context.addIssue({ code: 'custom', message: 'this is no private key: ' + text });",
      },
      {
        file: 'src/cli/run.ts',
        line: 'const warning = forbidCoreDumps();',
        becomes: 'const warning = undefined; void forbidCoreDumps;',
      },
    ],
  },
  {
    id: 'OLD',
    what: 'a lying server of the old protocol',
    tests: [{ file: 'test/e2e/v1-server.test.ts' }],
    sabotages: [
      {
        file: 'src/client/memory/pins.ts',
        line: "return withKey && counts(withKey) ? 'AddressMoved' : undefined;",
        becomes: 'return undefined;',
      },
      {
        file: 'src/client/memory/pins.ts',
        line: "return halfOf(ground.own, row) ? 'OwnAddressClaimed' : undefined;",
        becomes: 'return undefined;',
      },
      {
        file: 'src/client/memory/pins.ts',
        line: "if (!containsIp(ground.range, row.ip)) return 'OutsideNetwork';",
        becomes: '',
      },
      {
        file: 'src/client/sync/session.ts',
        line: 'unreadable.slice(0, MAX_NAMES)',
        becomes: 'unreadable',
      },
    ],
  },
  {
    id: 'STRANGER',
    what: "a stranger's address that a peer names as its own",
    tests: [
      { file: 'test/e2e/victim.test.ts' },
      { file: 'test/client/contacts.test.ts', titles: 'the budget' },
    ],
    sabotages: [
      {
        file: 'src/server/observations/candidates.ts',
        line: 'if (PRIVATE.has(kind)) return true;',
        becomes: 'return true;',
      },
      {
        file: 'src/client/tunnels/budget.ts',
        line: 'if (sent >= MAX_TO_ONE || this.#recent.length >= most) return false;',
        becomes: '',
      },
    ],
  },
  {
    id: 'SOAK',
    what: 'joins, leaves, moves, cuts, kills and restarts, and what they leave behind',
    tests: [{ file: 'test/e2e/soak.test.ts' }],
    sabotages: [
      {
        file: 'src/client/memory/mirror.ts',
        line: 'peers: { changed: accepted, removed: peers.removed },',
        becomes: 'peers: { changed: [], removed: peers.removed },',
      },
      {
        file: 'src/server/commands/control-plane.ts',
        line: 'const digest = digestOfCommand(command);',
        becomes: "const digest = digestOfCommand(command); process.on('exit', () => {});",
      },
    ],
  },
  {
    id: 'R65',
    what: 'a phone lengthens the list of addresses in its file',
    tests: [{ file: 'test/e2e/phones.test.ts', titles: 'R65' }],
    sabotages: [
      { file: 'src/filter/through.ts', line: "          'counter drop',", becomes: "          'accept'," },
    ],
  },
  {
    id: 'R66',
    what: 'the key of a phone is replaced, and the old one goes on',
    tests: [{ file: 'test/e2e/phones.test.ts', titles: 'R66' }],
    sabotages: [
      {
        file: 'src/domain/network.ts',
        line: '        this.#peers.change(event.peerId, { publicKey: event.publicKey });',
        becomes: '',
      },
    ],
  },
  {
    id: 'R67',
    what: 'a server that passes packets of phones is killed, and then taken down',
    tests: [{ file: 'test/e2e/phones.test.ts', titles: 'R67' }],
    sabotages: [
      { file: 'src/server/verbs/down.ts', line: '  putForwardingBack(files.phoneForwarding);', becomes: '' },
    ],
  },
  {
    id: 'R68',
    what: 'a program on a phone calls the API',
    tests: [{ file: 'test/e2e/phones.test.ts', titles: 'R68' }],
    sabotages: [
      {
        file: 'src/domain/rights.ts',
        line: 'mayConnect(peer) && !isPlain(peer)',
        becomes: 'mayConnect(peer)',
      },
    ],
  },
  {
    id: 'R69',
    what: 'a lying server says that a peer which was met is a phone, to read what it is told',
    tests: [{ file: 'test/client/mirror.test.ts', titles: 'a phone' }],
    sabotages: [{ file: 'src/client/memory/pins.ts', line: '      pins.rerouted(row) ??', becomes: '' }],
  },
  {
    id: 'R70',
    what: 'the first limit of a network, while the pair speaks and the log does not know yet what their programs keep to',
    tests: [
      { file: 'test/server/enforcers.test.ts', titles: 'R70' },
      { file: 'test/e2e/limits.test.ts', titles: 'R70' },
    ],
    sabotages: [
      {
        file: 'src/server/commands/control-plane.ts',
        line: 'of [...this.#before(entry, draft), entry])',
        becomes: 'of [entry])',
      },
    ],
  },
  {
    id: 'R71',
    what: "the server's table is removed by somebody who flushes nftables, unseen by its administrator",
    tests: [{ file: 'test/e2e/forwarding.test.ts', titles: 'R71' }],
    sabotages: [
      { file: 'src/server/device/passage.ts', line: '    this.#options.losses.note();', becomes: '' },
    ],
  },
  {
    id: 'R72',
    what: "another program's table drops what the router of phones passes on",
    tests: [
      { file: 'test/e2e/phones.test.ts', titles: 'R72' },
      { file: 'test/filter/foreign-tables.test.ts' },
    ],
    sabotages: [
      {
        file: 'src/server/verbs/examination.ts',
        line: "tablesThatClose(network, stdout, 'forward')",
        becomes: "tablesThatClose(network, stdout, 'input')",
      },
    ],
  },
  {
    id: 'R75',
    what: 'users send what no route lets them, or no longer, and hosts behind a router begin by themselves',
    tests: [{ file: 'test/e2e/carried.test.ts' }, { file: 'test/filter/carried.test.ts' }],
    sabotages: [
      {
        file: 'src/filter/carried-pairs.ts',
        line: 'return routes.filter(({ from }) => from.some((block) => block === home));',
        becomes: 'return [...routes].filter(() => home !== undefined);',
      },
    ],
  },
  {
    id: 'R76',
    what: 'a program that has not proved itself speaks for a router, or its word changes all the time',
    tests: [{ file: 'test/server/route-duties.test.ts' }],
    sabotages: [
      {
        file: 'src/server/stream/route-duties.ts',
        line: 'if (wait <= 0) take();',
        becomes: 'if (wait) take();',
      },
      {
        file: 'src/server/stream/route-duties.ts',
        line: 'for (const member of this.#audience.ofPeer(id)) this.level(member);',
        becomes: 'void id;',
      },
    ],
  },
  {
    id: 'R77',
    what: "a router's program is killed, with the server away, and then taken down",
    tests: [{ file: 'test/e2e/router.test.ts', titles: 'R77' }],
    sabotages: [{ file: 'src/client/verbs/down.ts', line: '  putSwitchesBack(paths);', becomes: '' }],
  },
  {
    id: 'R78',
    what: "a router's interface, address or forwarding goes",
    tests: [{ file: 'test/e2e/router.test.ts', titles: 'R78' }],
    sabotages: [
      {
        file: 'src/client/router/way-out.ts',
        line: 'others.find((one) => !one.isUp && (isInside(one) || before.includes(one.device)));',
        becomes: 'others.find((one) => !one.isUp && one.addresses.length > 9);',
      },
    ],
  },
  {
    id: 'R79',
    what: "the machine of a route's router dies, or its LAN does, while packets flow",
    tests: [
      { file: 'test/client/routes.test.ts', titles: 'failover' },
      { file: 'test/client/silences.test.ts', titles: 'silence' },
      { file: 'test/e2e/routes.test.ts', titles: 'R79' },
    ],
    sabotages: [
      {
        file: 'src/client/tunnels/routes.ts',
        line: 'offer?.ready === true && !isSilent',
        becomes: 'offer?.ready === true',
      },
    ],
  },
  {
    id: 'R80',
    what: "a server shows a route to the Internet's addresses, or one in which the machine's own network is",
    tests: [
      { file: 'test/client/held-blocks.test.ts', titles: 'a machine' },
      { file: 'test/e2e/routes.test.ts', titles: 'R80' },
    ],
    sabotages: [
      {
        file: 'src/client/tunnels/held-blocks.ts',
        line: 'if (!isPrivateRange(block))',
        becomes: 'if (false)',
      },
    ],
  },
  {
    id: 'R81',
    what: "an exit's machine dies, the program that uses it is killed, and the device is lost",
    tests: [{ file: 'test/e2e/exits.test.ts', titles: 'R81' }],
    sabotages: [
      {
        file: 'src/wireguard/exit-routing.ts',
        line: "...(routes.some(({ type }) => type === 'unreachable') ? [] :",
        becomes: '...(true ? [] :',
      },
    ],
  },
  {
    id: 'R82',
    what: 'a machine that uses an exit is killed, and then taken down or brought up',
    tests: [{ file: 'test/e2e/exits.test.ts', titles: 'R82' }],
    sabotages: [{ file: 'src/client/verbs/down.ts', line: '  await forgetExit(paths.exit);', becomes: '' }],
  },
  {
    id: 'R86',
    what: 'a kit is changed by a byte, cut off, opened with another passphrase, or is none',
    tests: [{ file: 'test/server/kit.test.ts', titles: 'a kit' }],
    sabotages: [
      { file: 'src/server/disk/kit.ts', line: '  decipher.setAAD(Buffer.from(line));', becomes: '' },
    ],
  },
  {
    id: 'R87',
    what: '`kit` is killed at any moment, or a secret cannot be written where it is taken to',
    tests: [
      { file: 'test/torture/r87-killed-kit.test.ts', rounds: 200 },
      { file: 'test/server/kit.test.ts', titles: 'secrets on a machine' },
    ],
    sabotages: [
      {
        file: 'src/server/verbs/kit.ts',
        line: '  await replaceFile(path, text, { mode: 0o600 });',
        becomes:
          "  await (await import('node:fs/promises')).writeFile(path, text.slice(0, 700)); await replaceFile(path, text, { mode: 0o600 });",
      },
    ],
  },
];

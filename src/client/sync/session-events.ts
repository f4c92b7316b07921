/** Events and effects of a session with the server, as data. */
import type { Carry, Indices, RelayDuty, RelayRow, ServerFrame, Snapshot } from '../../protocol/frames.ts';
import type { Observation } from '../../protocol/rows.ts';
import type { StreamQuery } from '../../protocol/stream-query.ts';
import type { Failure } from '../../values/failure.ts';
import type { PeerId, Position } from '../../values/id.ts';
import type { PolledState } from '../api/polled-state.ts';
import type { Head } from '../memory/chain.ts';
import type { Doubt } from '../memory/doubt.ts';
import type { Effect } from '../memory/mirror.ts';
import type { End, Loss } from './end.ts';

/** Follow until stopped, or sync once by `deadline` (monotonic ms). */
export type Goal = { kind: 'follow' } | { kind: 'level'; deadline: number };

/** `status`: HTTP status of a refusal. */
export type Trouble = { message: string; status: number | undefined };

export type StreamEvent =
  | { kind: 'opened'; isProved: boolean }
  | { kind: 'frame'; frame: ServerFrame }
  | { kind: 'unknown'; frameKind: string }
  /** Everything sent before the greeting is taken. */
  | { kind: 'level' };

export type SessionEvent =
  | { kind: 'start'; goal: Goal }
  /** `isNew`: a new handshake was answered. */
  | { kind: 'reached'; isNew: boolean }
  /** The stream's failure, news or end. */
  | { kind: 'noWay'; failure: Failure }
  | StreamEvent
  | { kind: 'ended'; end: End }
  /** Cut the stream: packets are overdue, time is over, or this end changed. */
  | { kind: 'unfit'; loss: 'silent' | 'slow' | 'otherDevice' | 'otherPort' | 'otherAbilities' }
  /** Peers dropped by the earlier clock may still exist. */
  | { kind: 'clockSetBack' }
  | { kind: 'snapshot'; snapshot: Snapshot; reached: Head | undefined }
  /** An effect of the previous event failed. */
  | ({ kind: 'untaken' } & Trouble)
  /** From an older server; `hasStream` undefined: unsaid. */
  | { kind: 'capabilities'; hasStream: boolean | undefined }
  | { kind: 'state'; state: PolledState; heardAt: number }
  | { kind: 'reported' }
  | ({ kind: 'unanswered' } & Trouble)
  | { kind: 'rested' }
  /** Whether WireGuard had a handshake since the request. */
  | { kind: 'handshake'; isThere: boolean }
  /** The server has shaken hands and knows no stream of this machine: another machine serves now, or it began anew. */
  | { kind: 'noStream' }
  /** `moved`: the source address changed too. */
  | { kind: 'addresses'; moved: boolean }
  /** The user says that the server is older. */
  | { kind: 'acknowledged' }
  | { kind: 'stop' };

export type SessionEffect =
  | { do: 'say'; message: string }
  /** Said once until `relieve`. */
  | { do: 'complain'; message: string }
  | { do: 'relieve' }
  /** Answered by `reached`; `isTrusted`: a live session suffices. */
  | { do: 'reach'; isTrusted: boolean }
  /** Answered by `noWay` or finally `ended`. `isNewcomer`: also fetch a snapshot. */
  | { do: 'open'; query: StreamQuery; patience: number; isNewcomer: boolean }
  | { do: 'cut'; loss: Loss }
  /** Find out at once whether the connection still stands. */
  | { do: 'probe' }
  /** Send candidates, adopt the server's clock; answered by `level`. */
  | { do: 'greet' }
  /** Proved, in milliseconds since 1970; may be answered by `clockSetBack`. */
  | { do: 'hearClock'; told: number }
  | { do: 'tell' }
  | { do: 'believe' }
  | { do: 'doubt'; doubt: Doubt }
  /** Write down, take, put on the device. */
  | { do: 'commit'; effect: Effect; joined?: readonly PeerId[] | undefined }
  /** Answered by `snapshot`, which must have reached `least`. */
  | { do: 'fetch'; least: Position }
  | { do: 'observe'; observations: readonly Observation[] }
  /** `isWhole`: all relays of this client; else what changed. */
  | { do: 'relays'; changed: readonly RelayRow[]; removed: readonly PeerId[]; isWhole: boolean }
  | { do: 'indices'; indices: Indices }
  /** The server knows relays on machines of peers: tell it this one's word. */
  | { do: 'greetAsRelay' }
  | { do: 'relay'; duty: RelayDuty }
  | { do: 'endRelay' }
  /** The server knows routes: tell it what this machine offers. */
  | { do: 'greetAsRouter' }
  | { do: 'carry'; carry: Carry }
  | { do: 'endRouter' }
  /** Tell ways for so many seconds. */
  | { do: 'tellWays'; seconds: number }
  /** For an older server; answered by `capabilities`; by `state` or `unanswered`; by `reported`. */
  | { do: 'askCapabilities' }
  | { do: 'askState' }
  | { do: 'report' }
  /** Answered by `rested`. */
  | { do: 'rest'; milliseconds: number }
  /** Starts a handshake; unanswered. */
  | { do: 'knock' }
  /** Answered by `handshake`. */
  | { do: 'lookForHandshake'; since: number }
  | { do: 'repairDevice' }
  | { do: 'guardRange' }
  | { do: 'move' }
  | { do: 'finish'; failure?: Failure };

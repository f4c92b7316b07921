/** What happens to a session with the server, and what the session wants done, as data. */
import type { ServerFrame, Snapshot } from '../../protocol/frames.ts';
import type { Observation } from '../../protocol/rows.ts';
import type { StreamQuery } from '../../protocol/stream-query.ts';
import type { Failure } from '../../values/failure.ts';
import type { PeerId, Position } from '../../values/id.ts';
import type { PolledState } from '../api/polled-state.ts';
import type { Head } from '../memory/chain.ts';
import type { Doubt } from '../memory/doubt.ts';
import type { Effect } from '../memory/mirror.ts';
import type { End, Loss } from './end.ts';

/** Follow until stopped, or come level with the server once and by `deadline` (monotonic, in milliseconds). */
export type Goal = { kind: 'follow' } | { kind: 'level'; deadline: number };

/** `status`: of the server's refusal, if it was one. */
export type Trouble = { message: string; status: number | undefined };

/** What a stream brings. */
export type StreamEvent =
  | { kind: 'opened'; isProved: boolean }
  | { kind: 'frame'; frame: ServerFrame }
  | { kind: 'unknown'; frameKind: string }
  /** All that the server had sent when it greeted is taken. */
  | { kind: 'level' };

export type SessionEvent =
  | { kind: 'start'; goal: Goal }
  /** An attempt to have a WireGuard session with the server is over; `isNew`: it has answered a new handshake. */
  | { kind: 'reached'; isNew: boolean }
  /** A stream: nothing could leave this machine; it brought something; it ended. */
  | { kind: 'noWay'; failure: Failure }
  | StreamEvent
  | { kind: 'ended'; end: End }
  /** It should be cut: no packet came while an answer was due, a verb's time is over, this machine's end changed. */
  | { kind: 'unfit'; loss: 'silent' | 'slow' | 'otherDevice' | 'otherPort' }
  /** Peers may be there still that were dropped by the server's clock as it was before. */
  | { kind: 'clockSetBack' }
  | { kind: 'snapshot'; snapshot: Snapshot; reached: Head | undefined }
  /** An effect of the event before could not be carried out. */
  | ({ kind: 'untaken' } & Trouble)
  /** An older server: whether it has a live stream (undefined: it does not say), and what it shows. */
  | { kind: 'capabilities'; hasStream: boolean | undefined }
  | { kind: 'state'; state: PolledState; heardAt: number }
  | { kind: 'reported' }
  | ({ kind: 'unanswered' } & Trouble)
  /** The pause that was asked for is over. */
  | { kind: 'rested' }
  /** Whether WireGuard has had a handshake with the server since it was asked. */
  | { kind: 'handshake'; isThere: boolean }
  /** This machine has other addresses; `moved`: it speaks from another one. */
  | { kind: 'addresses'; moved: boolean }
  /** The user says that the server is an older one. */
  | { kind: 'acknowledged' }
  | { kind: 'stop' };

export type SessionEffect =
  | { do: 'say'; message: string }
  /** Said once while it lasts; over once the server has been understood. */
  | { do: 'complain'; message: string }
  | { do: 'relieve' }
  /** Answered by `reached`; `isTrusted`: a session that carries data is enough. */
  | { do: 'reach'; isTrusted: boolean }
  /** Answered by `noWay` or, in the end, by `ended`. `isNewcomer`: ask for a snapshot at the same time. */
  | { do: 'open'; query: StreamQuery; patience: number; isNewcomer: boolean }
  | { do: 'cut'; loss: Loss }
  /** The server has greeted: tell it the candidates, take its clock over; answered by `level`. */
  | { do: 'greet' }
  /** A proved server told its time, in milliseconds since 1970; answered by `clockSetBack` if it was. */
  | { do: 'hearClock'; told: number }
  /** Tell the server which position is applied. */
  | { do: 'tell' }
  | { do: 'believe' }
  | { do: 'doubt'; doubt: Doubt }
  /** Write down, take, put on the device. */
  | { do: 'commit'; effect: Effect; joined?: readonly PeerId[] | undefined }
  /** Answered by `snapshot`; one that has not reached `least` is of no use. */
  | { do: 'fetch'; least: Position }
  | { do: 'observe'; observations: readonly Observation[] }
  /** An older server: answered by `capabilities`; by `state` or `unanswered`; by `reported`. */
  | { do: 'askCapabilities' }
  | { do: 'askState' }
  | { do: 'report' }
  /** Answered by `rested`. */
  | { do: 'rest'; milliseconds: number }
  /** Begin a new handshake; answered by nothing. */
  | { do: 'knock' }
  /** Answered by `handshake`. */
  | { do: 'lookForHandshake'; since: number }
  | { do: 'repairDevice' }
  | { do: 'guardRange' }
  /** Meet all peers again from the new address. */
  | { do: 'move' }
  /** The goal is reached, or is not. */
  | { do: 'finish'; failure?: Failure };

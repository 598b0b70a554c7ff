// How the process ends: part of the contract, as in sysexits.h. docs/exit-codes.md is generated from the table.

import { type Failure, kindOf } from '../machines/failure.ts';

export const EXIT = {
  ok: 0,
  failure: 1,
  usage: 2,
  unavailable: 69,
  bug: 70,
  temporary: 75,
  configuration: 78,
  interrupted: 130,
  terminated: 143,
} as const;

export type ExitName = keyof typeof EXIT;

export const EXIT_MEANINGS: Readonly<Record<ExitName, string>> = {
  ok: 'Done; also after a first SIGTERM or SIGINT, when everything was finished or parked in time.',
  failure: 'It ran and failed: the last lines on stderr say what. `verify`: the object is not the file.',
  usage: 'The command line is wrong: an unknown verb or flag.',
  unavailable:
    'Something it needs is not there: S3, the port, STATE_DIR, a running daemon. `verify`: it could not be proven.',
  bug: 'A bug in tailrace. Nothing was deleted; what was in flight is sent again at the next start.',
  temporary:
    'Not now: another daemon holds STATE_DIR or the folder, or does not answer; what `verify` looked at changed meanwhile; `gc` may not abort yet. Try again later.',
  configuration:
    'The configuration is wrong, or S3 or Redis refuse what it names (credentials, bucket, policy). All mistakes are told at once, each with its cure.',
  interrupted: 'Ended in a hurry by a second signal, SIGINT.',
  terminated: 'Ended in a hurry by a second signal, SIGTERM.',
};

export type EndSignal = 'SIGINT' | 'SIGTERM';

export const exitCodeOfSignal = (signal: EndSignal): number =>
  signal === 'SIGINT' ? EXIT.interrupted : EXIT.terminated;

/** What a person can cure in the settings, the bucket or its policy is the configuration's; all else passes. */
export const exitCodeOfS3 = (failure: Failure): number =>
  kindOf(failure) === 'refused' ? EXIT.configuration : EXIT.unavailable;

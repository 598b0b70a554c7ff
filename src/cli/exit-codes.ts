// How the process ends: part of the contract, as in sysexits.h. docs/exit-codes.md is generated from the table.

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
  failure: 'It ran and failed: the last lines on stderr say what.',
  usage: 'The command line is wrong: an unknown verb or flag.',
  unavailable: 'Something it needs is not there: S3, the port, STATE_DIR, a running daemon.',
  bug: 'A bug in tailrace. Nothing was deleted; what was in flight is sent again at the next start.',
  temporary: 'Not now: another daemon holds STATE_DIR or the folder, or does not answer. Try again later.',
  configuration: 'The configuration is wrong. All mistakes are told at once, each with its cure.',
  interrupted: 'Ended in a hurry by a second signal, SIGINT.',
  terminated: 'Ended in a hurry by a second signal, SIGTERM.',
};

export type EndSignal = 'SIGINT' | 'SIGTERM';

export const exitCodeOfSignal = (signal: EndSignal): number =>
  signal === 'SIGINT' ? EXIT.interrupted : EXIT.terminated;

// Tells systemd how we are (sd_notify): ready, alive, stopping, and a line for `systemctl status`.
//
// N1. Says nothing unless systemd asked (NOTIFY_SOCKET), and WATCHDOG=1 only when it watches this very process.
// N2. `alive` sends nothing by itself later on: no timer here. Whoever calls it proves with each call that he is alive.
// N3. Never in the way: one message at a time, newer ones merged, an end after NOTIFY_TIMEOUT_MS, failures told once.
//
// NOTIFY_SOCKET is a datagram socket, which Node cannot write to without a native addon: `systemd-notify`, which is where systemd
// is, does it. It waits until systemd has read the message, so that systemd still knows whose it is. That is a process of 3 ms
// for each half of WatchdogSec, and needs NotifyAccess=all.

import { spawn } from 'node:child_process';

export interface SystemdNotify {
  /** It carries now, or stands by. */
  ready(): void;
  /** To be called at least each second. */
  alive(): void;
  stopping(): void;
}

export interface SystemdNotifyOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly pid: number;
  /** One line for `systemctl status`, asked when it is sent. */
  readonly status: () => string;
  /** Told at most once. */
  readonly failed: (detail: string) => void;
}

const NOTIFY_TIMEOUT_MS = 10_000;
/** Without a watchdog: how often the status line is renewed. */
const STATUS_EVERY_MS = 60_000;
const PROGRAM = 'systemd-notify';

/** null: systemd did not start us, or does not want to be told. */
export function createSystemdNotify(options: SystemdNotifyOptions): SystemdNotify | null {
  const { env, pid, status } = options;
  if (!env['NOTIFY_SOCKET']) return null;
  const watchdogMs = watchdogOf(env, pid);
  const everyMs = watchdogMs === null ? STATUS_EVERY_MS : watchdogMs / 2;
  const sender = new Sender(options);
  let sentAtMs = Number.NEGATIVE_INFINITY;
  const alive = () => {
    if (performance.now() - sentAtMs < everyMs) return;
    sentAtMs = performance.now();
    sender.send({ STATUS: status(), ...(watchdogMs === null ? {} : { WATCHDOG: '1' }) });
  };
  return {
    ready: () => sender.send({ READY: '1', STATUS: status() }),
    alive,
    stopping: () => sender.send({ STOPPING: '1', STATUS: 'draining' }),
  };
}

/** Of half of it, systemd advises. */
function watchdogOf(env: SystemdNotifyOptions['env'], pid: number): number | null {
  const { WATCHDOG_USEC, WATCHDOG_PID } = env;
  if (WATCHDOG_PID && Number(WATCHDOG_PID) !== pid) return null;
  const usec = Number(WATCHDOG_USEC);
  return Number.isFinite(usec) && usec > 0 ? usec / 1_000 : null;
}

type Message = Readonly<Record<string, string>>;

class Sender {
  readonly #options: SystemdNotifyOptions;
  #waiting: Message | null = null;
  #sending = false;
  #failed = false;

  constructor(options: SystemdNotifyOptions) {
    this.#options = options;
  }

  send(message: Message): void {
    this.#waiting = { ...this.#waiting, ...message };
    this.#next();
  }

  #next(): void {
    if (this.#sending || this.#waiting === null) return;
    const args = Object.entries(this.#waiting).map(([name, value]) => `${name}=${oneLine(value)}`);
    this.#waiting = null;
    this.#sending = true;
    const { PATH, NOTIFY_SOCKET } = this.#options.env;
    const child = spawn(PROGRAM, args, {
      env: { ...(PATH === undefined ? {} : { PATH }), ...(NOTIFY_SOCKET === undefined ? {} : { NOTIFY_SOCKET }) },
      stdio: 'ignore',
      timeout: NOTIFY_TIMEOUT_MS,
    });
    const over = (problem: string | null): void => {
      if (!this.#sending) return;
      this.#sending = false;
      if (problem !== null && !this.#failed) {
        this.#failed = true;
        this.#options.failed(problem);
      }
      this.#next();
    };
    child.once('error', (error) => over(error.message));
    child.once('exit', (code, signal) => over(code === 0 ? null : `${PROGRAM} ended with ${signal ?? code}`));
    child.unref();
  }
}

/** A line break would begin another assignment. */
const oneLine = (text: string): string => text.replaceAll(/\p{Cc}/gu, ' ');

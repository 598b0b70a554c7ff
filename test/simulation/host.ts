// A machine that runs daemons, one at a time: what of it outlives them (STATE_DIR, the wall clock), and who starts the next one when
// one has ended (systemd, a person).

import { MemoryJournalDisk } from '../fakes/memory-journal.ts';
import { type Daemon, startDaemon } from './daemon.ts';
import { SimulatedProcess } from './process.ts';
import type { SimulatedWorld } from './simulated-world.ts';

const RESTART_MS = [0, 1_500] as const;
const CANNOT_START_MS = 500;
/** A daemon that was refused because another one carries the folder is not started again at once. */
const REFUSED_MS = 4_000;

export class Host {
  readonly name: string;
  readonly #world: SimulatedWorld;
  journal = new MemoryJournalDisk();
  daemon: Daemon | null = null;
  /** Of its wall clock before the world's; a daemon sees what it was when it started, because its clock is monotonic. */
  wallAheadMs = 0;
  #daemons = 0;

  constructor(name: string, world: SimulatedWorld) {
    this.name = name;
    this.#world = world;
  }

  /** Starts a daemon, now or as soon as it can. */
  async start(): Promise<void> {
    const { clock, random, scenario, disk, weather, network, log, redis, swaps } = this.#world;
    this.#daemons += 1;
    const process = new SimulatedProcess(`${this.name}-${this.#daemons}`, clock, this.wallAheadMs);
    const startAgain = (ms: number): void => void clock.after(ms, () => void this.start());
    if (weather.journal.isShut) return startAgain(CANNOT_START_MS);
    const machine = { disk, weather, sight: scenario.sight, random: random.fork(process.name) };
    const { settings } = scenario;
    const stores = { journal: this.journal, redis };
    this.daemon = await startDaemon({
      ...{ process, log, network, machine, ...stores, settings, holder: this.name, swaps },
      standby: scenario.standby ?? false,
    });
    if (!this.daemon) return startAgain(CANNOT_START_MS);
    process.onDeath(() => {
      const wasRefused = this.daemon?.wasRefused() === true;
      this.daemon = null;
      if (process.isRunningWild) this.#world.ranWild = true;
      else startAgain(wasRefused ? REFUSED_MS : random.between(...RESTART_MS));
    });
  }

  /** SIGSTOP, and SIGCONT after so long. */
  pause(ms: number): void {
    const process = this.daemon?.process;
    if (!process?.isAlive || process.isPaused) return;
    this.#world.log.add({ kind: 'paused', daemon: process.name, ms });
    process.pause();
    this.#world.clock.after(ms, () => process.resume());
  }
}

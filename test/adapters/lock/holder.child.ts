// Child: takes the lock and holds it until it is killed. With `leave` it ends by itself: a lock keeps no process alive.

import { createSocketLock, type SocketLockPlace } from '../../../src/adapters/socket-lock.ts';

const [, , place, folder = '', name = '', then] = process.argv;
const lock = createSocketLock({ place: place as SocketLockPlace, folder });
const outcome = await lock.acquire(name, `child ${process.pid}`);
process.stdout.write(`${JSON.stringify(outcome)}\n`);
if (then !== 'leave') setInterval(() => undefined, 1_000_000);

// Failures are data: a port never throws for what the world does; it answers with one of these.
// An exception that leaves an adapter is a bug.

import type { Failure } from '../machines/failure.ts';

export type Outcome<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly failure: Failure };

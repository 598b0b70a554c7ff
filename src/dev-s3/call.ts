// What an operation is: a function from a call to a reply.
//
// A call is the request together with what the server lends it. Operations have no other access to anything: no clock, no
// socket, no global.

import type { Behaviour } from './behaviour.ts';
import type { BucketStore } from './bucket-store.ts';
import type { Reply } from './reply.ts';
import type { S3Request } from './request.ts';
import type { Signing } from './sigv4.ts';

export type Call = {
  readonly request: S3Request;
  readonly buckets: BucketStore;
  readonly region: string;
  readonly signing: Signing;
  readonly behaviour: Behaviour;
  readonly minPartBytes: number;
  /** Epoch milliseconds of this request. */
  readonly nowMs: number;
};

/** @throws S3Error for everything that is refused */
export type Operation = (call: Call) => Promise<Reply>;

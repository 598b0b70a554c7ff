// What the operator decided for every stream, as plain numbers and words. Given anew at each start, never stored.

import type { PartPlan } from './part-plan.ts';

export interface StreamSettings {
  readonly bucket: string;
  readonly keyPrefix: string;
  /** `{path}` is the path relative to the watched folder. */
  readonly keyTemplate: string;
  readonly onExisting: 'rename' | 'overwrite' | 'fail';
  readonly plan: PartPlan;
  /** Part numbers of an upload end here. */
  readonly maxParts: number;
  /** After this time the provider may end an upload by itself, where its answers do not say so; null: never. */
  readonly maxUploadAgeMs: number | null;
  /** What becomes of the source file after proof. `folder` is absolute. */
  readonly afterComplete:
    | { readonly kind: 'keep' }
    | { readonly kind: 'delete' }
    | { readonly kind: 'move'; readonly folder: string };
  readonly verifySource: 'full' | 'append-only';
  readonly streamTimeoutMs: number;
  /** 0: the closing of a writer does not count, only the timeout does. */
  readonly writerCloseGraceMs: number;
  readonly streamTimeoutUnknownMs: number;
  readonly parkedRetryMs: number;
  /** No second Complete for an upload within this time after one without an answer. */
  readonly completeDoubtMs: number;
  /** An attempt without an answer may still arrive for this long: no Complete or Abort beside it. */
  readonly lateArrivalMs: number;
}

// What every state that owes work does when the work fails: one list, so that a failure means the same everywhere.
//
// Backing off is not a state: a state whose work failed transiently is entered again with `attempt` and `notBeforeMs`, and the
// work waits for that moment; so it returns where it came from by itself.

type EffectState =
  | 'recovering'
  | 'active.opening'
  | 'pending_completion'
  | `finalizing.${'opening' | 'verifying' | 'checking' | 'probing' | 'proving' | 'aborting'}`;

/**
 * The `effect.failed` row of a state. `state` is the state itself, dotted; `whenSourceChanged` where the stream goes when the file
 * changed under its work.
 */
export const afterFailure = <S extends EffectState>(
  state: S,
  whenSourceChanged: EffectState | 'active.waiting' = 'active.waiting',
) =>
  ({
    'effect.failed': [
      { guard: 'failedTransiently', target: `#stream.${state}`, reenter: true, actions: 'backOff' },
      { guard: 'sourceChanged', target: `#stream.${whenSourceChanged}`, reenter: true, actions: 'backOff' },
      { guard: 's3Diverged', target: '#stream.recovering', reenter: true, actions: ['backOff', 'askS3'] },
      {
        guard: 'needsAPerson',
        target: '#stream.failed.parked',
        actions: { type: 'giveUpFor', params: { during: state } },
      },
      { target: '#stream.failed.ended', actions: { type: 'giveUpFor', params: { during: state } } },
    ],
  }) as const;

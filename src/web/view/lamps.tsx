// How the daemon and what it leans on are.

import type { DaemonView } from '../../ports/views.ts';
import { lampsOf } from '../model/health.ts';

export function Lamps({ daemon, nowMs }: { readonly daemon: DaemonView; readonly nowMs: number }) {
  return (
    <ul class="lamps" aria-label="Health">
      {lampsOf(daemon, nowMs).map(({ what, how, tone }) => (
        <li key={what} class={`lamp-${tone}`}>
          <i class="lamp" aria-hidden="true" />
          <span class="what">{what}</span> <span class="how">{how}</span>
        </li>
      ))}
    </ul>
  );
}

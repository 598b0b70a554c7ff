// Before the first stream: what to do so that one appears.

import type { DaemonView } from '../../ports/views.ts';
import { shown } from '../model/words.ts';

export function EmptyList({ daemon }: { readonly daemon: DaemonView }) {
  const folders = daemon.folders;
  const [first = 'recordings'] = folders;
  const quoted = /^[\w./-]+$/.test(first) ? first : `'${first.replaceAll("'", "'\\''")}'`;
  return (
    <div class="empty">
      <h2>No streams yet</h2>
      <p>
        Write or copy a file into {folders.length === 0 ? 'the watched folder' : <code>{shown(first)}</code>}: it
        appears here while it grows, and a moment after its last byte it is an object in S3.
      </p>
      <pre>
        <code>cp some-large-file.mp4 {shown(quoted)}/</code>
      </pre>
      {folders.length > 1 && <p class="quiet">Also watched: {folders.slice(1).map(shown).join(', ')}</p>}
    </div>
  );
}

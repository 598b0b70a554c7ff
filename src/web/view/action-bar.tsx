// What a person may do: buttons, and behind each a dialog that says what will happen. Nothing is sent before it is confirmed.

import { useEffect, useRef, useState } from 'preact/hooks';
import type { ShownStream } from '../../read-model/read-model.ts';
import { keepToken, keptToken } from '../live/access-token.ts';
import { act } from '../live/api.ts';
import { type Action, actionsOf } from '../model/stream-actions.ts';
import { pathWords } from '../model/words.ts';
import { TokenField } from './token-field.tsx';

/** The daemon does not know this token. */
const UNAUTHORIZED = [401, 403];
const SAID_FOR_MS = 6_000;

export function ActionBar({ view }: { readonly view: ShownStream }) {
  const [asked, ask] = useState<Action | null>(null);
  const [said, say] = useState('');
  useEffect(() => {
    if (said === '') return;
    const timer = setTimeout(() => say(''), SAID_FOR_MS);
    return () => clearTimeout(timer);
  }, [said]);
  return (
    <div class="actions">
      {actionsOf(view).map((action) => (
        <button
          key={action.name}
          type="button"
          class={action.isDestructive ? 'destructive' : ''}
          onClick={() => ask(action)}
        >
          {action.label}
        </button>
      ))}
      <span class="said" role="status">
        {said}
      </span>
      {asked && (
        <Confirmation
          key={asked.name}
          view={view}
          action={asked}
          onEnd={(words) => {
            ask(null);
            say(words);
          }}
        />
      )}
    </div>
  );
}

interface ConfirmationProps {
  readonly view: ShownStream;
  readonly action: Action;
  /** With what to say; empty: nothing was done. */
  readonly onEnd: (words: string) => void;
}

function Confirmation({ view, action, onEnd }: ConfirmationProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [token, setToken] = useState(keptToken() ?? '');
  const [needsToken, setNeedsToken] = useState(keptToken() === null);
  const [problem, setProblem] = useState('');
  const [isSending, setSending] = useState(false);
  useEffect(() => dialog.current?.showModal(), []);

  const send = async (event: Event) => {
    event.preventDefault();
    setSending(true);
    const reply = await act(view.id, action.name, token.trim());
    setSending(false);
    if (reply.ok) {
      keepToken(token.trim());
      onEnd(`${action.label}: accepted.`);
      return;
    }
    if (UNAUTHORIZED.includes(reply.status)) {
      keepToken(null);
      setNeedsToken(true);
    }
    setProblem(reply.message);
  };
  return (
    <dialog ref={dialog} aria-labelledby="question" onClose={() => onEnd('')}>
      <form onSubmit={send}>
        <h2 id="question">{action.question}</h2>
        <p class="quiet">
          <bdi>{pathWords(view.path, view.folder).name}</bdi>
        </p>
        <ul>
          {action.effects.map((effect) => (
            <li key={effect}>{effect}</li>
          ))}
        </ul>
        {needsToken && <TokenField token={token} onToken={setToken} />}
        {problem !== '' && (
          <p class="tone-bad" role="alert">
            {problem}
          </p>
        )}
        <p class="buttons">
          <button type="button" onClick={() => dialog.current?.close()}>
            Leave it
          </button>
          <button
            type="submit"
            class={action.isDestructive ? 'destructive solid' : 'solid'}
            disabled={isSending || token.trim() === ''}
          >
            {action.label}
          </button>
        </p>
      </form>
    </dialog>
  );
}

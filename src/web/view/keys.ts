// Keys of the whole page. They rest while somebody types, while a dialog is open, and with Ctrl, Alt or Meta held: those belong
// to the browser.

/** `take` says whether the key meant something. Returns how to stop listening. */
export function onKey(take: (event: KeyboardEvent) => boolean): () => void {
  const listener = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.altKey || event.metaKey || event.defaultPrevented) return;
    const at = event.target instanceof Element ? event.target : null;
    if (at?.closest('input, textarea, select, dialog')) return;
    if (take(event)) event.preventDefault();
  };
  addEventListener('keydown', listener);
  return () => removeEventListener('keydown', listener);
}

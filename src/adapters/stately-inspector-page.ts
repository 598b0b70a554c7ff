// The page that brings the messages of the daemon to the inspector: it holds the WebSocket, and hands each message to the page
// of Stately in a frame, which runs in this browser and nowhere else. Without internet the frame stays empty, and the foot says
// what to do instead.

const STATELY = 'https://stately.ai';

export function inspectorPage(host: string, nonce: string): { readonly html: string; readonly policy: string } {
  const policy = [
    "default-src 'none'",
    `script-src 'nonce-${nonce}'`,
    `style-src 'nonce-${nonce}'`,
    `connect-src ws://${host}`,
    `frame-src ${STATELY}`,
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ');
  return { policy, html: pageWith(host, nonce) };
}

const pageWith = (host: string, nonce: string): string => `<!doctype html>
<html lang="en">
<title>tailrace: the actors</title>
<style nonce="${nonce}">
  html, body { height: 100%; margin: 0; font: 14px system-ui, sans-serif; color-scheme: light dark }
  body { display: flex; flex-direction: column }
  iframe { flex: 1; border: 0 }
  footer { padding: 4px 8px }
</style>
<iframe id="stately" title="Stately inspector" src="${STATELY}/inspect"></iframe>
<footer><output id="told"></output> If the frame stays empty, ${STATELY} cannot be reached from here:
  <code>curl -N http://${host}/events</code></footer>
<script nonce="${nonce}">
  const frame = document.getElementById('stately');
  const told = document.getElementById('told');
  const MAX_WAITING = 5000;
  let waiting = [];
  let count = 0;
  const say = (words) => { told.textContent = words + ': ' + count + ' messages.'; };
  const pass = (message) => frame.contentWindow.postMessage(message, '${STATELY}');
  addEventListener('message', (event) => {
    if (event.source !== frame.contentWindow || event.origin !== '${STATELY}') return;
    if (event.data?.type !== '@statelyai.connected') return;
    for (const message of waiting ?? []) pass(message);
    waiting = null;
    say('Shown');
  });
  const socket = new WebSocket('ws://${host}/');
  socket.onmessage = ({ data }) => {
    count += 1;
    const message = JSON.parse(data);
    if (waiting === null) pass(message);
    else if (waiting.length < MAX_WAITING) waiting.push(message);
    say(waiting === null ? 'Shown' : 'Waiting for the inspector');
  };
  socket.onclose = () => say('The daemon is gone, or this page was too slow; reload it');
</script>
</html>
`;

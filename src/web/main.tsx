// The page begins here: one model, one tree. The token leaves the address before anything else looks at it.

import './style/base.css';
import './style/frame.css';
import './style/overview.css';
import './style/table.css';
import './style/stream.css';
import './style/chart.css';
import { render } from 'preact';
import { takeTokenFromAddress } from './live/access-token.ts';
import { ModelContext } from './live/hooks.ts';
import { LiveModel } from './live/live-model.ts';
import { App } from './view/app.tsx';

takeTokenFromAddress();
const model = new LiveModel();
model.start();
const root = document.getElementById('page');
if (root) {
  render(
    <ModelContext.Provider value={model}>
      <App />
    </ModelContext.Provider>,
    root,
  );
}

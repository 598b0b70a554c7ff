// What a person who looks at the chart all the time has seen lit.

import type { Page } from 'playwright-core';

/** From now on, in this page. */
export const watchLitStates = (page: Page): Promise<void> =>
  page.evaluate(`(() => {
    const seen = (window.litStates = []);
    const look = () => {
      for (const each of document.querySelectorAll('.chart [data-state].is-active')) {
        const state = each.dataset.state;
        if (!seen.includes(state)) seen.push(state);
      }
    };
    new MutationObserver(look).observe(document.body, {
      subtree: true,
      childList: true,
      attributes: true,
      attributeFilter: ['class'],
    });
    look();
  })()`);

/** In the order in which each was lit first. */
export const litStates = (page: Page): Promise<readonly string[]> => page.evaluate('window.litStates');

// The settings of those who are told of each stream's end: see docs/consumers.md.

import { optional, setting } from './settings.ts';
import { anyText, duration } from './values.ts';
import { webhookUrl } from './words.ts';

export const NOTIFYING = {
  notifyUrl: optional('NOTIFY_URL', webhookUrl, 'gets a POST for each stream that is completed or fails', {
    secret: true,
    fallbackWords: 'none',
  }),
  notifySecret: optional('NOTIFY_SECRET', anyText, 'signs these requests (header `webhook-signature`)', {
    secret: true,
    fallbackWords: 'unsigned',
  }),
  notifyCommand: optional(
    'NOTIFY_COMMAND',
    anyText,
    'program (without arguments) that is run for each stream that is completed or fails, with the JSON on stdin',
    { fallbackWords: 'none' },
  ),
  notifyTimeoutMs: setting(
    'NOTIFY_TIMEOUT_SECONDS',
    '10',
    duration({ least: 100, most: 600_000 }),
    'time for one attempt of webhook or command',
  ),
} as const;

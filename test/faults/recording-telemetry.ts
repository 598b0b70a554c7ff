// Telemetry that keeps its lines, for the report of a test that failed.

import type { LogFields, Telemetry } from '../../src/ports/telemetry.ts';

export interface RecordingTelemetry extends Telemetry {
  readonly lines: readonly string[];
}

export function recordingTelemetry(): RecordingTelemetry {
  const lines: string[] = [];
  const tell =
    (level: string) =>
    (message: string, fields: LogFields = {}): void =>
      void lines.push(`${level} ${message} ${JSON.stringify(fields)}`);
  return {
    lines,
    debug: () => {},
    info: tell('info'),
    warn: tell('warn'),
    error: tell('error'),
    count: () => {},
    observe: () => {},
  };
}

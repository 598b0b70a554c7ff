// What a campaign found, as data and as a table for people, with the command that repeats it.

import { cpus, totalmem } from 'node:os';
import { type CampaignOptions, type LaneResult, PARTS_IN_FLIGHT } from './campaign.ts';

interface Occasion {
  readonly date: string;
  readonly commit: string;
  readonly seconds: number;
}

const GIB = 2 ** 30;
const MIB = 2 ** 20;

export function reportOf(options: CampaignOptions, lanes: readonly LaneResult[], occasion: Occasion) {
  const sum = (of: (lane: LaneResult) => number): number => lanes.reduce((all, lane) => all + of(lane), 0);
  const endings: Record<string, number> = {};
  for (const { kinds } of lanes)
    for (const [kind, times] of Object.entries(kinds)) endings[kind] = (endings[kind] ?? 0) + times;
  // Where uploads grow old their parts are sent to a second one: that is no kill's doing.
  const counted = lanes.filter(({ flavour }) => flavour !== 'aged');
  const again = counted.flatMap(({ sent, kills }) => (sent ? [{ ...sent, kills }] : []));
  const tooMuch = again.filter((lane) => lane.againBytes > boundOf(lane));
  return {
    ...occasion,
    machine: `${cpus().length} x ${cpus()[0]?.model ?? '?'}, ${Math.round(totalmem() / GIB)} GiB`,
    command: commandOf(options),
    server: options.realS3 ? 'OpenStack Swift with s3api' : 'dev-s3',
    kills: sum(({ kills }) => kills),
    endings,
    streams: sum(({ streams }) => streams),
    files: sum(({ files }) => files),
    objects: sum(({ objects }) => objects),
    objectBytes: sum(({ objectBytes }) => objectBytes),
    claims: sum(({ claims }) => claims),
    receipts: sum(({ receipts }) => receipts),
    leftUploads: sum(({ leftUploads }) => leftUploads),
    forgottenUploads: sum(({ forgottenUploads }) => forgottenUploads),
    lostSources: sum(({ lostSources }) => lostSources),
    neededBytes: again.reduce((all, lane) => all + lane.neededBytes, 0),
    againBytes: again.reduce((all, lane) => all + lane.againBytes, 0),
    otherUploadBytes: again.reduce((all, lane) => all + lane.otherUploadBytes, 0),
    partsAgain: again.reduce((all, lane) => all + lane.partsAgain, 0),
    allowedAgainBytes: again.reduce((all, lane) => all + boundOf(lane), 0),
    violations: [
      ...lanes.flatMap(({ violations, folder }) => violations.map((sentence) => `${sentence} (${folder})`)),
      ...tooMuch.map((lane) => `${lane.againBytes} bytes were sent again, more than ${boundOf(lane)}`),
    ],
  };
}

const boundOf = ({ kills, largestPartBytes }: { readonly kills: number; readonly largestPartBytes: number }): number =>
  kills * PARTS_IN_FLIGHT * largestPartBytes;

function commandOf({ kills, streams, seed, lanes, scale, redis, realS3, points }: CampaignOptions): string {
  const flags = [redis && '--redis', realS3 && '--real-s3', points && '--points', scale !== 1 && `--scale ${scale}`];
  const words = `--kills ${kills} --streams ${streams} --seed ${seed} --lanes ${lanes}`;
  return ['npm run kill-campaign --', words, ...flags.filter((flag) => flag !== false)].join(' ');
}

const mib = (bytes: number): string => `${(bytes / MIB).toFixed(1)} MiB`;

export function textOf(report: ReturnType<typeof reportOf>): string {
  const endings = Object.entries(report.endings).map(([kind, times]) => `${times} ${kind}`);
  const rows: readonly (readonly [string, string])[] = [
    ['when, what', `${report.date}, commit ${report.commit}, ${report.seconds} s`],
    ['machine', report.machine],
    ['S3', report.server],
    ['kills', `${report.kills} (${endings.join(', ')})`],
    ['files written', `${report.files} by ${report.streams} writers and at crash points`],
    ['objects, compared byte for byte', `${report.objects} (${mib(report.objectBytes)}), ${report.receipts} receipts`],
    ['completions compared at kills', String(report.claims)],
    ['uploads left on purpose', `${report.leftUploads} (named by their streams)`],
    ['empty uploads that a lost STATE_DIR forgot', `${report.forgottenUploads} (only gc lists them)`],
    ['sources gone before they were carried', String(report.lostSources)],
    ['bytes that were needed', mib(report.neededBytes)],
    [
      'bytes sent again',
      `${mib(report.againBytes)} in ${report.partsAgain} parts (${mib(report.otherUploadBytes)} to another upload); allowed (kills x ${PARTS_IN_FLIGHT} x largest part): ${mib(report.allowedAgainBytes)}`,
    ],
    ['violations', String(report.violations.length)],
  ];
  const width = Math.max(...rows.map(([name]) => name.length));
  return [
    ...rows.map(([name, value]) => `${name.padEnd(width)}  ${value}`),
    ...report.violations.map((sentence) => `  - ${sentence}`),
    `again: ${report.command}`,
  ].join('\n');
}

// dev-s3 as a process of its own, so that it can be killed: `node main.js --folder X --port N`, or DEV_S3_* variables.
//
// `--provider ceph` and `--behaviour name=value` (any number of times) make it behave as behaviour.ts says.
// Prints one line of JSON with its url and pid on stdout when it listens, and on stderr, at every start, what it is not for.
// SIGTERM and SIGINT end it in order; kill -9 is as good.

import { parseArgs } from 'node:util';
import { type Behaviour, parseBehaviour, parseSwitch } from './behaviour.ts';
import { type DevS3Options, NOT_FOR_PRODUCTION, startDevS3 } from './server.ts';

const USAGE =
  'dev-s3 needs --folder, --access-key-id and --secret-access-key (or DEV_S3_FOLDER, DEV_S3_ACCESS_KEY_ID, DEV_S3_SECRET_ACCESS_KEY)';
/** As sysexits.h: the command was used incorrectly. */
const EXIT_USAGE = 64;

function readOptions(argv: readonly string[], env: NodeJS.ProcessEnv): DevS3Options | null {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      folder: { type: 'string', default: env['DEV_S3_FOLDER'] ?? '' },
      host: { type: 'string', default: env['DEV_S3_HOST'] ?? '127.0.0.1' },
      port: { type: 'string', default: env['DEV_S3_PORT'] ?? '0' },
      'access-key-id': { type: 'string', default: env['DEV_S3_ACCESS_KEY_ID'] ?? '' },
      'secret-access-key': { type: 'string', default: env['DEV_S3_SECRET_ACCESS_KEY'] ?? '' },
      region: { type: 'string', default: env['DEV_S3_REGION'] ?? 'us-east-1' },
      bucket: { type: 'string', multiple: true, default: env['DEV_S3_BUCKETS']?.split(',') ?? [] },
      'min-part-bytes': { type: 'string' },
      provider: { type: 'string', default: env['DEV_S3_PROVIDER'] ?? 'aws' },
      behaviour: { type: 'string', multiple: true, default: [] },
      'no-fsync': { type: 'boolean', default: false },
      admin: { type: 'boolean', default: false },
    },
  });
  const { folder, 'access-key-id': accessKeyId, 'secret-access-key': secretAccessKey } = values;
  if (folder === '' || accessKeyId === '' || secretAccessKey === '') return null;
  const minPartBytes = values['min-part-bytes'];
  return {
    folder,
    host: values.host,
    port: Number(values.port),
    accessKeyId,
    secretAccessKey,
    region: values.region,
    buckets: values.bucket,
    ...(minPartBytes === undefined ? {} : { minPartBytes: Number(minPartBytes) }),
    behaviour: readBehaviour(values.provider, values.behaviour),
    fsync: !values['no-fsync'],
    admin: values.admin,
  };
}

/** @throws TypeError that says what is wrong */
function readBehaviour(provider: string, switches: readonly string[]): Behaviour {
  return parseBehaviour(Object.assign({ provider }, ...switches.map(parseSwitch)));
}

async function main(): Promise<void> {
  const options = readOptions(process.argv.slice(2), process.env);
  if (options === null) {
    process.stderr.write(`${USAGE}\n`);
    process.exitCode = EXIT_USAGE;
    return;
  }
  process.stderr.write(`${NOT_FOR_PRODUCTION}\n`);
  const server = await startDevS3(options);
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => void server.close());
  process.stdout.write(`${JSON.stringify({ url: server.url, port: server.port, pid: process.pid })}\n`);
}

try {
  await main();
} catch (error) {
  process.stderr.write(`dev-s3: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}

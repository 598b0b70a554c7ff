// The least that Node can do: a file in 8 MiB buffers, each a PUT by node:http over kept connections, four at a time. No signature,
// no checksum, no record of anything. Prints its CPU ms, starting not counted.
//
// usage: node plain-put.ts FILE ENDPOINT

import { open } from 'node:fs/promises';
import { Agent, request } from 'node:http';

const PART_BYTES = 8 * 2 ** 20;
const LANES = 4;
const [file = '', endpoint = ''] = process.argv.slice(2);
const agent = new Agent({ keepAlive: true });

const put = (number: number, body: Buffer): Promise<void> =>
  new Promise((resolve, reject) => {
    const sending = request(`${endpoint}/bench/plain-${number}`, {
      method: 'PUT',
      agent,
      headers: { 'content-length': body.length },
    });
    sending.on('error', reject).on('response', (reply) => reply.resume().on('end', resolve));
    sending.end(body);
  });

const before = process.cpuUsage();
const source = await open(file);
const { size } = await source.stat();
let next = 0;
const lane = async (): Promise<void> => {
  const buffer = Buffer.alloc(PART_BYTES);
  for (let n = next++; n * PART_BYTES < size; n = next++) {
    const { bytesRead } = await source.read(buffer, 0, PART_BYTES, n * PART_BYTES);
    await put(n, buffer.subarray(0, bytesRead));
  }
};
await Promise.all(Array.from({ length: LANES }, lane));
await source.close();
agent.destroy();
const { user, system } = process.cpuUsage(before);
process.stdout.write(`${(user + system) / 1000}\n`);

import { expect, test } from 'vitest';
import { createRangeHasher } from '../../../src/adapters/range-hasher.ts';
import { hasherContract } from '../../contracts/hasher.contract.ts';

hasherContract('zlib, WebAssembly, crypto', createRangeHasher);

test('a piece larger than the hasher’s memory is hashed as one', async () => {
  const hasher = await createRangeHasher();
  const bytes = Buffer.alloc(3 * 1024 * 1024 + 17, 'tailrace');
  const whole = hasher.start();
  whole.update(bytes);
  const pieces = hasher.start();
  for (let at = 0; at < bytes.length; at += 1000) pieces.update(bytes.subarray(at, at + 1000));
  expect(whole.digest()).toEqual(pieces.digest());
});

// CRCs that Node does not have, and what all CRCs of S3 have in common: they can be combined without reading anything again.
//
// A CRC is linear: crc(A followed by B) is crc(A) moved by the length of B, plus crc(B), modulo the polynomial; inversions at begin
// and end cancel out. All three kinds keep their bits reversed: the highest bit is the coefficient of x^0. Values are numbers for
// 32 bits, BigInts for 64; running sums of 64 bits are two numbers, because BigInt per byte is a hundred times slower.

/** CRC32, as zlib, gzip and PNG have it. */
export const CRC32_POLYNOMIAL = 0xedb88320;
/** CRC32C (Castagnoli), as iSCSI (RFC 3720) and ext4 have it. */
export const CRC32C_POLYNOMIAL = 0x82f63b78;
/** CRC64NVME: NVM Express base specification, "64b CRC" (polynomial AD93D23594C93659, reversed). */
export const CRC64NVME_POLYNOMIAL = 0x9a6c9329ac4bc9b5n;

const CRC32C_TABLE = table32(CRC32C_POLYNOMIAL);
const [CRC64NVME_HIGH, CRC64NVME_LOW] = table64(CRC64NVME_POLYNOMIAL);

/** Goes on from `before`, which is the value of the bytes before these; 0 at the beginning. */
export function crc32c(bytes: Uint8Array, before = 0): number {
  let crc = ~before;
  for (const byte of bytes) crc = (CRC32C_TABLE[(crc ^ byte) & 0xff] ?? 0) ^ (crc >>> 8);
  return ~crc >>> 0;
}

/** A running CRC64NVME. */
export class Crc64Nvme {
  #high = -1;
  #low = -1;

  update(bytes: Uint8Array): void {
    let high = this.#high;
    let low = this.#low;
    for (const byte of bytes) {
      const row = (low ^ byte) & 0xff;
      low = ((low >>> 8) | (high << 24)) ^ (CRC64NVME_LOW[row] ?? 0);
      high = (high >>> 8) ^ (CRC64NVME_HIGH[row] ?? 0);
    }
    this.#high = high;
    this.#low = low;
  }

  value(): bigint {
    return (BigInt(~this.#high >>> 0) << 32n) | BigInt(~this.#low >>> 0);
  }
}

function table32(polynomial: number): Int32Array {
  return Int32Array.from({ length: 256 }, (_, byte) => {
    let value = byte;
    for (let bit = 0; bit < 8; bit += 1) value = value & 1 ? (value >>> 1) ^ polynomial : value >>> 1;
    return value;
  });
}

function table64(polynomial: bigint): readonly [high: Int32Array, low: Int32Array] {
  const values = Array.from({ length: 256 }, (_, byte) => {
    let value = BigInt(byte);
    for (let bit = 0; bit < 8; bit += 1) value = value & 1n ? (value >> 1n) ^ polynomial : value >> 1n;
    return value;
  });
  const half = (shift: bigint) => Int32Array.from(values, (value) => Number(BigInt.asIntN(32, value >> shift)));
  return [half(32n), half(0n)];
}

/** The CRC of A followed by B, from both CRCs and the length of B. Costs the same however long B is. */
export function combineCrc32(crcOfA: number, crcOfB: number, bytesOfB: number, polynomial = CRC32_POLYNOMIAL): number {
  const multiply = (a: number, b: number) => multiply32(a, b, polynomial);
  return (multiply(crcOfA, power(ONE_32, X8_32, bytesOfB, multiply)) ^ crcOfB) >>> 0;
}

/** The same for CRC64NVME. @param shift `shiftCrc64Nvme` of B's length: parts are mostly of one length, and it is the dear half */
export function combineCrc64Nvme(crcOfA: bigint, crcOfB: bigint, shift: bigint): bigint {
  return multiply64(crcOfA, shift) ^ crcOfB;
}

export function shiftCrc64Nvme(bytes: number): bigint {
  return power(ONE_64, X8_64, bytes, multiply64);
}

const ONE_32 = 0x80000000;
const X8_32 = 0x00800000;
const ONE_64 = 1n << 63n;
const X8_64 = 1n << 55n;

/** x to the 8 x `exponent`, by repeated squaring; lengths above 2^32 need real division instead of shifts. */
function power<Value>(one: Value, x8: Value, exponent: number, multiply: (a: Value, b: Value) => Value): Value {
  let result = one;
  let square = x8;
  for (let rest = exponent; rest > 0; rest = Math.floor(rest / 2)) {
    if (rest % 2 === 1) result = multiply(result, square);
    square = multiply(square, square);
  }
  return result;
}

function multiply32(a: number, b: number, polynomial: number): number {
  let product = 0;
  let shifted = b;
  for (let bit = 31; bit >= 0; bit -= 1) {
    if ((a >>> bit) & 1) product ^= shifted;
    shifted = shifted & 1 ? (shifted >>> 1) ^ polynomial : shifted >>> 1;
  }
  return product >>> 0;
}

function multiply64(a: bigint, b: bigint): bigint {
  let product = 0n;
  let shifted = b;
  for (let bit = 63n; bit >= 0n; bit -= 1n) {
    if ((a >> bit) & 1n) product ^= shifted;
    shifted = shifted & 1n ? (shifted >> 1n) ^ CRC64NVME_POLYNOMIAL : shifted >> 1n;
  }
  return product;
}

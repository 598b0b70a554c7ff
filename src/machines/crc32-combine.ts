// The CRC32 of two byte strings joined, from their CRC32s and the second one's length: so the whole object's checksum follows
// from the parts' without reading a byte again.
//
// Appending n zero bits to a message multiplies its CRC by x^n modulo the polynomial (reflected, 0xEDB88320); the powers x^(2^k)
// are squared up once. Source: the definition of CRC32 as a remainder in GF(2)[x].

const POLYNOMIAL = 0xedb88320;
/** x^0 in the reflected representation. */
const ONE = 0x80000000;

/** a * b modulo the polynomial. */
function multiply(a: number, b: number): number {
  let product = 0;
  let factor = b;
  for (let mask = ONE; mask !== 0; mask >>>= 1) {
    if ((a & mask) !== 0) product ^= factor;
    factor = (factor & 1) !== 0 ? (factor >>> 1) ^ POLYNOMIAL : factor >>> 1;
  }
  return product >>> 0;
}

/** x^(8 * bytes) modulo the polynomial. */
function powerOfBytes(bytes: number): number {
  let result = ONE;
  let square = 0x00800000; // x^8
  for (let rest = bytes; rest > 0; rest = Math.floor(rest / 2)) {
    if (rest % 2 === 1) result = multiply(square, result);
    square = multiply(square, square);
  }
  return result;
}

/** Both as 8 hex digits; `secondBytes` is the length of what the second one covers. */
export function combineCrc32(first: string, second: string, secondBytes: number): string {
  const joined = multiply(powerOfBytes(secondBytes), Number.parseInt(first, 16)) ^ Number.parseInt(second, 16);
  return (joined >>> 0).toString(16).padStart(8, '0');
}

/** Of whole pieces in order. No pieces: `00000000`. */
export const combineAllCrc32 = (pieces: readonly { readonly crc32: string; readonly sizeBytes: number }[]): string =>
  pieces.reduce((joined, piece) => combineCrc32(joined, piece.crc32, piece.sizeBytes), '00000000');

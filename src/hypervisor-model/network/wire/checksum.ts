/** The Internet checksum (RFC 1071) and its incremental update (RFC 1624). */

/** Adds the big-endian 16-bit words of a range to a running sum; an odd last byte counts as a high byte. */
export function addWords(sum: number, bytes: Uint8Array, start = 0, end = bytes.length): number {
  let total = sum;
  let i = start;
  for (; i + 1 < end; i += 2) total += (bytes[i] << 8) | bytes[i + 1];
  if (i < end) total += bytes[i] << 8;
  return total;
}

/** Folds carries and complements: what goes into the checksum field. */
export function finishChecksum(sum: number): number {
  let folded = sum;
  while (folded > 0xffff) folded = (folded & 0xffff) + Math.floor(folded / 0x10000);
  return ~folded & 0xffff;
}

export function checksum(bytes: Uint8Array, start = 0, end = bytes.length): number {
  return finishChecksum(addWords(0, bytes, start, end));
}

/** Sum of the IPv4 pseudo header of UDP and TCP. */
export function pseudoHeaderSum(
  source: number,
  destination: number,
  protocol: number,
  length: number,
): number {
  return (
    (source >>> 16) +
    (source & 0xffff) +
    (destination >>> 16) +
    (destination & 0xffff) +
    protocol +
    (length & 0xffff) +
    (length >>> 16)
  );
}

/** The checksum after one 16-bit word changed from `before` to `after` (RFC 1624, equation 3). */
export function updateChecksum(old: number, before: number, after: number): number {
  let sum = (~old & 0xffff) + (~before & 0xffff) + after;
  sum = (sum & 0xffff) + (sum >>> 16);
  sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

/** The same for a 32-bit value such as an address. */
export function updateChecksum32(old: number, before: number, after: number): number {
  return updateChecksum(updateChecksum(old, before >>> 16, after >>> 16), before & 0xffff, after & 0xffff);
}

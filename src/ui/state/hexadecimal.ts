/** Numbers as the CPU workspace shows and reads them. */
export const hex = (value: number, digits = 8): string => (value >>> 0).toString(16).padStart(digits, "0");

/** A hexadecimal address, with or without 0x, h and spaces; undefined for anything else. */
export function parseHex(text: string, highest = 0xffffffff): number | undefined {
  const digits = /^(?:0x)?([0-9a-f]{1,8})h?$/i.exec(text.replaceAll(/[\s_]/g, ""))?.[1];
  const value = digits === undefined ? Infinity : Number.parseInt(digits, 16);
  return value <= highest ? value : undefined;
}

/** Bytes such as `de ad be ef`, at most `most`; undefined for anything else. */
export function parseBytes(text: string, most: number): Uint8Array | undefined {
  const digits = text.replaceAll(/[\s_,]/g, "");
  if (digits === "" || digits.length % 2 === 1 || digits.length > most * 2 || !/^[0-9a-f]+$/i.test(digits)) {
    return undefined;
  }
  return Uint8Array.from(digits.match(/../g)!, (pair) => Number.parseInt(pair, 16));
}

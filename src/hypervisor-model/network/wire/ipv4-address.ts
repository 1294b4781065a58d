/** IPv4 addresses as unsigned 32-bit numbers, and subnets in CIDR notation (RFC 4632). */

export const BROADCAST_ADDRESS = 0xffffffff;
export const ANY_ADDRESS = 0;

export function formatAddress(address: number): string {
  return `${address >>> 24}.${(address >>> 16) & 255}.${(address >>> 8) & 255}.${address & 255}`;
}

/** Four decimal numbers, no leading zeros. */
export function parseAddress(text: string): number | undefined {
  const parts = text.split(".");
  if (parts.length !== 4) return undefined;
  let address = 0;
  for (const part of parts) {
    if (!/^(0|[1-9]\d{0,2})$/.test(part)) return undefined;
    const value = Number(part);
    if (value > 255) return undefined;
    address = address * 256 + value;
  }
  return address;
}

export interface Subnet {
  /** First address: all host bits zero. */
  address: number;
  prefix: number;
}

export function prefixMask(prefix: number): number {
  return prefix === 0 ? 0 : (0xffffffff << (32 - prefix)) >>> 0;
}

export function parseSubnet(text: string): Subnet | undefined {
  const slash = text.indexOf("/");
  if (slash < 0) return undefined;
  const address = parseAddress(text.slice(0, slash));
  const prefixText = text.slice(slash + 1);
  if (address === undefined || !/^\d{1,2}$/.test(prefixText)) return undefined;
  const prefix = Number(prefixText);
  if (prefix > 32 || (address & ~prefixMask(prefix)) !== 0) return undefined;
  return { address, prefix };
}

export function formatSubnet(subnet: Subnet): string {
  return `${formatAddress(subnet.address)}/${subnet.prefix}`;
}

export function inSubnet(address: number, subnet: Subnet): boolean {
  return (address & prefixMask(subnet.prefix)) >>> 0 === subnet.address;
}

export function subnetBroadcast(subnet: Subnet): number {
  return (subnet.address | ~prefixMask(subnet.prefix)) >>> 0;
}

/** 224.0.0.0/4 */
export function isMulticastAddress(address: number): boolean {
  return address >>> 28 === 0xe;
}

/** RFC 1918, loopback, link-local and 0.0.0.0/8: never routed on the Internet. */
export function isPrivateAddress(address: number): boolean {
  const first = address >>> 24;
  return (
    first === 10 ||
    first === 127 ||
    first === 0 ||
    address >>> 20 === 0xac1 ||
    address >>> 16 === 0xc0a8 ||
    address >>> 16 === 0xa9fe
  );
}

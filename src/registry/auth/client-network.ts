/**
 * Which addresses count as one client when attempts are counted. A host with IPv6 has a whole /64 to
 * choose from (RFC 4291, 2.5.1), so single addresses would mean nothing there.
 */
import { isIPv4, isIPv6 } from 'node:net';

function groupsOf(part: string): number[] {
  if (part === '') return [];
  return part.split(':').flatMap((group) => {
    if (!group.includes('.')) return [Number.parseInt(group, 16)];
    const [a, b, c, d] = group.split('.').map(Number);
    return [a! * 256 + b!, c! * 256 + d!];
  });
}

/** The eight 16-bit groups of an IPv6 address. */
function expand(address: string): number[] {
  const [head, tail] = address.split('::');
  const first = groupsOf(head!);
  if (tail === undefined) return first;
  const last = groupsOf(tail);
  return [...first, ...new Array<number>(8 - first.length - last.length).fill(0), ...last];
}

/**
 * The key under which a client's attempts are counted: an IPv4 address as it is, also when it is
 * mapped into IPv6; the /64 network of an IPv6 address; any other text cut to 64 characters.
 */
export function networkOf(address: string): string {
  if (isIPv4(address)) return address;
  const bare = address.split('%', 1)[0]!;
  if (!isIPv6(bare)) return address.slice(0, 64);
  const groups = expand(bare);
  const mapped = groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff;
  if (mapped) {
    const [high, low] = [groups[6]!, groups[7]!];
    return `${high >> 8}.${high & 0xff}.${low >> 8}.${low & 0xff}`;
  }
  const network = groups.slice(0, 4).map((group) => group.toString(16));
  return `${network.join(':')}::/64`;
}

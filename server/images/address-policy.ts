import ipaddr from 'ipaddr.js';

type Range = readonly [ipaddr.IPv4 | ipaddr.IPv6, number];

const ranges = (table: Readonly<Record<string, string>>): readonly Range[] =>
  Object.values(table).flatMap((list) => list.split(' ').map((range): Range => ipaddr.parseCIDR(range)));

/** Every block of IPv4 that is not the public internet (IANA special-purpose registry, RFC 6890). */
const BLOCKED_V4 = ranges({
  thisNetwork: '0.0.0.0/8',
  private: '10.0.0.0/8 172.16.0.0/12 192.168.0.0/16',
  carrierGradeNat: '100.64.0.0/10',
  loopback: '127.0.0.0/8',
  linkLocalAndMetadata: '169.254.0.0/16',
  protocolAssignments: '192.0.0.0/24',
  documentation: '192.0.2.0/24 198.51.100.0/24 203.0.113.0/24',
  sixToFourRelay: '192.88.99.0/24',
  benchmark: '198.18.0.0/15',
  multicast: '224.0.0.0/4',
  reservedAndBroadcast: '240.0.0.0/4',
});

/** IPv6 hands out addresses from one block only: whatever lies outside is local, translated or reserved. */
const GLOBAL_V6: Range = ipaddr.parseCIDR('2000::/3');

/** What within that block is not public: it embeds IPv4 (Teredo, 6to4), or documents. */
const BLOCKED_V6 = ranges({
  protocolAssignments: '2001::/23',
  documentation: '2001:db8::/32 3fff::/20',
  sixToFour: '2002::/16',
});

const within = (address: ipaddr.IPv4 | ipaddr.IPv6, [base, bits]: Range): boolean =>
  address.kind() === base.kind() && address.match(base, bits);

const V4_COMPATIBLE = /^[0:]+:\d+(?:\.\d+){3}$/;

/**
 * True for the textual form of an address that belongs to the public internet. An IPv4 address mapped into IPv6 is judged
 * as the IPv4 address that it is; what cannot be read as an address is not public.
 */
export const isPublicAddress = (text: string): boolean => {
  // Four decimal parts only: a resolver gives nothing else, and shorter forms are read differently by different systems.
  if (!ipaddr.IPv6.isValid(text) && !ipaddr.IPv4.isValidFourPartDecimal(text)) return false;
  // ipaddr.js takes the retired form of an IPv4 address within IPv6 for a mapped one.
  if (V4_COMPATIBLE.test(text)) return false;
  const address = ipaddr.process(text);
  if (address.kind() === 'ipv4') return !BLOCKED_V4.some((range) => within(address, range));
  return within(address, GLOBAL_V6) && !BLOCKED_V6.some((range) => within(address, range));
};

/** Names that mean the machine, its network or its cloud, whatever a resolver says of them (RFC 6761, 6762, 8375). */
const LOCAL_NAME = /^(?:.*\.)?(?:localhost|local|internal|home\.arpa)$/;

/** True for a host name that never leads to the public internet. A trailing dot makes no difference. */
export const isLocalName = (host: string): boolean => LOCAL_NAME.test(host.toLowerCase().replace(/\.+$/, ''));

import { describe, expect, test } from '@jest/globals';
import { isLocalName, isPublicAddress } from '../../../server/images/address-policy.js';

describe('never public', () => {
  test.each([
    ['this network', '0.0.0.0 0.0.0.1 0.255.255.255'],
    ['private', '10.0.0.0 10.0.0.5 10.255.255.255 172.16.0.1 172.31.255.255 192.168.1.1 192.168.255.255'],
    ['carrier-grade NAT', '100.64.0.1 100.100.100.200 100.127.255.255'],
    ['loopback', '127.0.0.1 127.127.127.127 127.255.255.255'],
    ['link-local, metadata', '169.254.0.1 169.254.169.254'],
    ['assignments', '192.0.0.1 192.0.0.192'],
    ['documentation', '192.0.2.1 198.51.100.1 203.0.113.1'],
    ['relay and benchmark', '192.88.99.1 198.18.0.1 198.19.255.255'],
    ['multicast and reserved', '224.0.0.1 239.255.255.255 240.0.0.1 255.255.255.255'],
    ['IPv6 unspecified, loopback', ':: ::1 0:0:0:0:0:0:0:1'],
    ['IPv4 mapped', '::ffff:10.0.0.1 ::ffff:169.254.169.254 ::ffff:7f00:1 ::fFFf:127.0.0.1 ::ffff:0.0.0.0'],
    ['IPv4 compatible', '::127.0.0.1 ::7f00:1 ::8.8.8.8'],
    ['NAT64', '64:ff9b::7f00:1 64:ff9b::a9fe:a9fe 64:ff9b::808:808 64:ff9b:1::1'],
    ['Teredo and 6to4', '2001::1 2001:0:1:2::3 2001:1ff:ffff::1 2002:7f00:1:: 2002:808:808::1'],
    ['IPv6 documentation, discard', '2001:db8::1 3fff::1 100::1'],
    ['IPv6 local', 'fc00::1 fd00:ec2::254 fdff::1 fe80::1 fe80::1%eth0 febf::1 fec0::1'],
    ['IPv6 multicast', 'ff02::1 ff0e::1'],
    ['unassigned IPv6', '4000::1 5f00::1 e000::1 200::1'],
    [
      'no address',
      'not-an-ip localhost 127.1 0177.0.0.1 0x7f.1 2130706433 8.8.8 8.8.8.8.8 08.8.8.8 256.1.1.1 8.8.8.8/0 [::1] %',
    ],
  ])('%s', (_, list) => {
    for (const address of list.split(' '))
      expect([address, isPublicAddress(address)]).toEqual([address, false]);
    expect(isPublicAddress('')).toBe(false);
  });
});

test('the public internet is public, up to the edges of what is not', () => {
  const list =
    '8.8.8.8 1.1.1.1 93.184.216.34 1.0.0.0 9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0 126.255.255.255 128.0.0.0 ' +
    '169.253.255.255 169.255.0.0 172.15.255.255 172.32.0.0 192.0.1.0 192.167.255.255 192.169.0.0 198.17.255.255 ' +
    '198.20.0.0 223.255.255.255 ::ffff:8.8.8.8 2606:2800:220:1:248:1893:25c8:1946 2001:200::1 2003::1 2600:: 2a00::1';
  for (const address of list.split(' ')) expect([address, isPublicAddress(address)]).toEqual([address, true]);
});

test.each([
  'localhost',
  'LOCALHOST',
  'localhost.',
  'a.localhost',
  'metadata.google.internal',
  'printer.local',
  'x.home.arpa',
  'internal',
])('%s is a local name', (name) => {
  expect(isLocalName(name)).toBe(true);
});

test.each([
  'example.com',
  'localhost.example.com',
  'mylocal',
  'notlocalhost',
  'international.org',
  'local.example',
])('%s is no local name', (name) => {
  expect(isLocalName(name)).toBe(false);
});

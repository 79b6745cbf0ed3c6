import t from 'tap'
import { canonicalAddress, networkOf } from '../../../src/http/query/client.ts'

const canonical = {
  '192.0.2.1': '192.0.2.1',
  '::ffff:192.0.2.1': '192.0.2.1',
  '::FFFF:c000:201': '192.0.2.1',
  '0:0:0:0:0:ffff:c000:0201': '192.0.2.1',
  '2001:DB8:0:0:0:0:0:1': '2001:db8::1',
  '2001:db8:0000::0001': '2001:db8::1',
  'fe80::1%eth0': 'fe80::1%eth0',
  '::1': '::1',
  unknown: 'unknown'
}

t.test('an address has one canonical form, and IPv4 is itself', async t => {
  for (const [text, expected] of Object.entries(canonical)) t.equal(canonicalAddress(text), expected, text)
})

const networks = {
  '192.0.2.1': '192.0.2.1',
  '2001:db8::1': '2001:db8:0:0::/64',
  '2001:db8::2:3': '2001:db8:0:0::/64',
  '2001:db8:0:1::3': '2001:db8:0:1::/64',
  '2001:db8:1:2:3:4:5:6': '2001:db8:1:2::/64',
  '::1': '0:0:0:0::/64',
  'fe80::1%eth0': 'fe80::1%eth0'
}

t.test('a client has a /64 of IPv6, or an address', async t => {
  for (const [address, expected] of Object.entries(networks)) t.equal(networkOf(address), expected, address)
})

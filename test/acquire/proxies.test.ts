import t from 'tap'
import { isInNetwork, parseNoProxy, parseProxy } from '../../src/acquire/proxies.ts'

t.test('a proxy without a scheme is reached over http', async t => {
  const cases = [
    ['proxy:3128', 'http://proxy:3128/'],
    ['proxy.example', 'http://proxy.example/'],
    ['user:word@proxy:3128', 'http://user:word@proxy:3128/'],
    ['[::1]:3128', 'http://[::1]:3128/'],
    ['HTTPS://proxy', 'https://proxy/'],
    ['socks5://proxy:1080', 'socks5://proxy:1080'],
    ['http://us%er:100%@proxy', 'http://us%25er:100%25@proxy/']
  ]
  for (const [address, expected] of cases) t.equal(parseProxy({ variable: 'X', address: address! }), expected)
})

t.test('an invalid proxy is named by its variable, without its value', async t => {
  for (const address of ['::bad', 'ftp://user:word@proxy', 'http://', 'http://a b', 'proxy:port', 'http://user:wo/rd@x']) {
    const message = 'https_proxy must be an http, https or socks5 address'
    t.throws(() => parseProxy({ variable: 'https_proxy', address }), { message })
  }
})

t.test('hosts without a proxy may be written in several ways', async t => {
  t.equal(parseNoProxy(''), '')
  t.equal(parseNoProxy('localhost, .example *.test http://a.example/x,::1,[::2]:80'),
    'localhost,.example,*.test,a.example,[::1],[::2]:80')
  t.equal(parseNoProxy('a.example, *'), '*')
  t.equal(parseNoProxy(',, ://, %zz'), ':,%zz', 'whatever else they contain')
})

t.test('networks contain addresses, but no names', async t => {
  const networks = 'a.example, 10.0.0.0/8,192.168.1.5/32 fd00::/8,[fe80::]/10,1.2.3.4/40,1::/129,/8'
  const cases = {
    '10.255.0.1': true,
    '11.0.0.1': false,
    '192.168.1.5': true,
    '192.168.1.6': false,
    '[fd12::1]': true,
    '[fe80::1]': true,
    '[::1]': false,
    '1.2.3.4': false,
    '10.example': false
  }
  for (const [host, expected] of Object.entries(cases)) t.equal(isInNetwork(host, networks), expected, host)
})

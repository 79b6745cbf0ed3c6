import t from 'tap'
import { redact } from '../../src/process/log-output.ts'

t.test('credentials and secret parameters are removed, and nothing else', async t => {
  const cases = [
    ['"url":"/a?page=1&access_token=abc&x=y"', '"url":"/a?page=1&access_token=***&x=y"'],
    ['"url":"/a?X-Amz-Signature=abc"', '"url":"/a?X-Amz-Signature=***"'],
    ['"url":"/a?key=abc&page=1"', '"url":"/a?key=***&page=1"'],
    ['"url":"/a?page=1;apiKey=abc&Authorization=Bearer%20abc"', '"url":"/a?page=1;apiKey=***&Authorization=***"'],
    ['"url":"/a?refresh-token=abc&jwt=d&auth.pwd=e"', '"url":"/a?refresh-token=***&jwt=***&auth.pwd=***"'],
    ['"url":"/a?api_key=abc&sig=d"', '"url":"/a?api_key=***&sig=***"'],
    ['"input":"http://user:word@host.example/a"', '"input":"http://host.example/a"'],
    ['"url":"/a?seed=1&augment=rotate:15"', '"url":"/a?seed=1&augment=rotate:15"'],
    ['listening on http://127.0.0.1:8080', 'listening on http://127.0.0.1:8080'],
    ['mail me@host.example about http://host.example/@scope', 'mail me@host.example about http://host.example/@scope']
  ]
  for (const [text, expected] of cases) t.equal(redact(text!), expected)
})

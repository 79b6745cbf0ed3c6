/** Names of query parameters whose values are secrets, or end like one of these. */
const SECRET = 'token|secret|password|passwd|signature|sig|credentials?|auth|api[_-]?key|access[_-]?key'

const credentials = /\b([a-z][a-z0-9+.-]*:\/\/)[^\s/?#"'\\@]*@/gi
const parameters = new RegExp(`([?&](?:[\\w-]*[_-])?(?:${SECRET})=)[^&\\s"'\\\\]+`, 'gi')

/** Text without the credentials of addresses and the values of secret query parameters. */
export function redact (text: string): string {
  return text.replace(credentials, '$1').replace(parameters, '$1***')
}

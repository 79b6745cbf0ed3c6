/** Ends of the names of query parameters whose values are secrets. */
const SECRET = 'key|token|secret|password|passwd|passphrase|pwd|signature|sig|credentials?|auth|authorization|jwt'

const credentials = /\b([a-z][a-z0-9+.-]*:\/\/)[^\s/?#"'\\@]*@/gi
const parameters = new RegExp(`([?&;](?:[\\w.-]*?)(?:${SECRET})=)[^&;\\s"'\\\\]+`, 'gi')

/** Text without the credentials of addresses and the values of secret query parameters. */
export function redact (text: string): string {
  return text.replace(credentials, '$1').replace(parameters, '$1***')
}

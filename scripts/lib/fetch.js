/** The body of a response, which must be successful. */
export async function fetchBytes (url, options) {
  const response = await fetch(url, options)
  if (!response.ok) throw new Error(`${url} responds with ${response.status}`)
  return Buffer.from(await response.arrayBuffer())
}

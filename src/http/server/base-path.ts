/**
 * The request target as it is below a base path. Some proxies remove the base path and others do not, so a target
 * without it stays as it is.
 *
 * @param target a path with an optional query, or a whole URL
 */
export function withoutBasePath (target: string, basePath: string): string {
  if (basePath === '') return target
  const start = target.startsWith('/') ? 0 : /^https?:\/\/[^/?#]*/i.exec(target)?.[0].length ?? 0
  const end = start + basePath.length
  if (!target.startsWith(basePath, start) || !['', '/', '?'].includes(target.charAt(end))) return target
  const rest = target.slice(end)
  return `${target.slice(0, start)}${rest.startsWith('/') ? '' : '/'}${rest}`
}

/** The path of a request target, which may be a whole URL. */
export function pathOf (target: string): string {
  return /^(?:https?:\/\/[^/?#]*)?([^?#]*)/i.exec(target)![1] || '/'
}

declare module 'fastify' {
  interface FastifyInstance {
    /** Path below which the service is published: empty, or with a slash at its start and none at its end. */
    readonly basePath: string
  }
}

/** A model of clients that read epochs through a cache: the requests that reach the replicas, and what they cost. */

/**
 * Clients read the pages of each epoch in order, at the same speed. In each round, every client requests one page, each
 * client later than the one before it by `stagger` pages.
 *
 * @param options.pages of an epoch
 * @param options.isShared whether all clients use one seed, so that they request the same pages
 * @param options.cacheBytes of the cache; 0 for none, Infinity for one that evicts nothing
 * @returns requests, those that reach the replicas, the share of hits, and the bytes that the cache holds at the end
 */
export function simulate ({ clients, epochs, pages, pageBytes, isShared, cacheBytes, stagger = 0 }) {
  const requests = clients * epochs * pages
  const capacity = Math.floor(cacheBytes / pageBytes)
  // Each page is requested once: nothing is ever found.
  if (!isShared || capacity === 0) {
    const stored = Math.min(requests, capacity)
    return { requests, origin: requests, hitRatio: 0, storedBytes: stored * pageBytes }
  }
  // The least recently used pages are first.
  const stored = new Map()
  let origin = 0
  const all = epochs * pages
  for (let round = 0; round < all + stagger * (clients - 1); round++) {
    for (let client = 0; client < clients; client++) {
      const page = round - stagger * client
      // Clients that are at the same page find what the first of them has stored.
      if (page < 0) break
      if (page >= all) continue
      if (stored.delete(page)) {
        stored.set(page, true)
        if (stagger === 0) break
        continue
      }
      origin++
      stored.set(page, true)
      if (stored.size > capacity) stored.delete(stored.keys().next().value)
      if (stagger === 0) break
    }
  }
  return { requests, origin, hitRatio: 1 - origin / requests, storedBytes: stored.size * pageBytes }
}

const HOURS_PER_MONTH = 730

/**
 * What a run takes and costs.
 *
 * @param cpuMs of a replica for one cold page
 * @param prices in dollars: of a core for an hour, of a GB that leaves the provider, and of a GB stored for a month
 */
export function costOf ({ origin, requests, storedBytes }, { pageBytes, cpuMs, hours, prices }) {
  const coreHours = origin * cpuMs / 3.6e6
  const sentGB = requests * pageBytes / 1e9
  return {
    coreHours,
    // Cores that are busy on average, if all clients are done within these hours.
    cores: coreHours / hours,
    sentGB,
    dollars: coreHours * prices.coreHour + sentGB * prices.sentGB +
      storedBytes / 1e9 * prices.storedGBMonth * hours / HOURS_PER_MONTH
  }
}

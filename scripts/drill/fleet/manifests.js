/** What schemas do not know of the manifests in deploy/kubernetes. */
import { check } from '../../lib/checks.js'

const TEMPLATE = /server ([\w-]+)\.\$\{NAMESPACE\}\.svc\.\$\{CLUSTER_DOMAIN\}:8080 (.*);/
/** Cores at which replicas are added: one thread serves requests, and cannot use more than one. */
const [MIN_CORES, MAX_CORES] = [0.6, 0.9]

/** Mirrors and collectors can be reached in networks of both families, and files of keys be mounted. */
export function checkNetworks (overlay, resources) {
  const { egress } = find(resources, 'NetworkPolicy', 'mnist').spec
  const rules = egress.filter(({ to = [] }) => to.some(({ ipBlock }) => ipBlock))
  const ports = rules.flatMap(({ ports }) => ports.map(({ port }) => port))
  const blocks = rules.flatMap(({ to }) => to.map(({ ipBlock }) => ipBlock.cidr)).sort().join()
  check(`${overlay}: egress to mirrors and collectors, IPv4 and IPv6`,
    [80, 443, 4318].every(port => ports.includes(port)) && blocks === '0.0.0.0/0,::/0', blocks)
  const { volumes } = find(resources, 'Deployment', 'mnist').spec.template.spec
  check(`${overlay}: files of keys and certificates can be mounted`, volumes.some(({ secret }) => secret?.optional))
}

/** The cache knows each replica, replicas trust only the cache, and the autoscaler waits until they are busy. */
export function checkFleet (overlay, resources) {
  const { 'upstream.conf.template': upstream } = find(resources, 'ConfigMap', 'mnist-cache').data
  const [, service, parameters = ''] = TEMPLATE.exec(upstream) ?? []
  const isHeadless = service !== undefined && find(resources, 'Service', service)?.spec.clusterIP === 'None'
  check(`${overlay}: the cache resolves a headless service`, isHeadless && /\bresolve\b/.test(parameters), service)
  check(`${overlay}: a 503 takes no replica out`, /\bmax_fails=0\b/.test(parameters), parameters)
  const { TRUST_PROXY: trusted = '' } = find(resources, 'ConfigMap', 'mnist-defaults').data
  check(`${overlay}: the cache is trusted in networks of both families`,
    /\b10\.0\.0\.0\/8\b.*\bfc00::\/7/.test(trusted), trusted)
  const { cpu } = find(resources, 'Deployment', 'mnist').spec.template.spec.containers[0].resources.requests
  const { averageUtilization } = find(resources, 'HorizontalPodAutoscaler', 'mnist').spec.metrics[0].resource.target
  const cores = averageUtilization / 100 * (cpu.endsWith('m') ? parseInt(cpu) / 1000 : Number(cpu))
  check(`${overlay}: replicas are added when each is busy`, cores >= MIN_CORES && cores <= MAX_CORES, `${cores} cores`)
}

/** A resource by its name, without the hash that kustomize appends. */
function find (resources, kind, name) {
  return resources.find(({ metadata, ...resource }) => {
    return resource.kind === kind && metadata.name.replace(/-[a-z0-9]{10}$/, '') === name
  })
}

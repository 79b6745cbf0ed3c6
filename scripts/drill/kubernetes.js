/**
 * Renders deploy/kubernetes with kustomize, and validates it. Checks what the schemas do not know as well: restricted
 * pods, and probes and periods that match the draining of the service. KUBERNETES_VALIDATE names the program of the
 * PyPI package kubernetes-validate, KUBECTL another kubectl. Skipped without them.
 *
 *     npm run drill -- kubernetes
 */
import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseAllDocuments } from 'yaml'
import { environment } from '../../dist/config/environment.js'
import { checkFleet, checkNetworks } from './fleet/manifests.js'
import { check, requirePrograms } from '../lib/checks.js'
import { temporaryFolder } from '../lib/files.js'

const overlays = fileURLToPath(new URL('../../deploy/kubernetes/overlays/', import.meta.url))
const kubectl = process.env.KUBECTL || 'kubectl'
const validator = process.env.KUBERNETES_VALIDATE || 'kubernetes-validate'
/** Kinds that an operator defines, of which kubernetes-validate has no schema. */
const CUSTOM_KINDS = ['ServiceMonitor']
/** What the service gives responses in flight, and a second. */
const DRAIN_SECONDS = 8
/** The longest SHUTDOWN_DELAY that the manifests promise room for. */
const LONGEST_DELAY = 30
/** Kubelets keep logs beside the volumes of a pod. */
const LOG_GIB = 0.2
const settingNames = Object.keys(environment.properties)

requirePrograms(kubectl, validator)
const folder = temporaryFolder('kubernetes')
for (const overlay of ['single', 'fleet', 'monitoring']) {
  const { status, stdout, stderr } = spawnSync(kubectl, ['kustomize', join(overlays, overlay)], { encoding: 'utf8' })
  check(`${overlay} is rendered`, status === 0, stderr)
  const resources = parseAllDocuments(stdout ?? '').map(document => document.toJS())
  const standard = resources.filter(({ kind }) => !CUSTOM_KINDS.includes(kind))
  const file = join(folder, `${overlay}.yaml`)
  writeFileSync(file, standard.map(resource => JSON.stringify(resource)).join('\n---\n'))
  const validation = spawnSync(validator, ['--strict', file], { encoding: 'utf8' })
  const output = `${validation.error?.message ?? ''}${validation.stdout}${validation.stderr}`
  check(`${overlay} is valid`, validation.status === 0, validation.status === 0 ? '' : output)
  for (const deployment of resources.filter(({ kind }) => kind === 'Deployment')) {
    checkPods(`${overlay} ${deployment.metadata.name}`, deployment.spec.template.spec, resources)
  }
  checkReferences(overlay, resources)
  checkNetworks(overlay, resources)
  if (overlay !== 'single') checkFleet(overlay, resources)
}

/** The pod security standard `restricted`, and more. */
function checkPods (name, { securityContext, containers, automountServiceAccountToken, ...spec }, all) {
  const { runAsNonRoot, seccompProfile } = securityContext
  check(`${name}: no root, with seccomp`, runAsNonRoot && seccompProfile.type === 'RuntimeDefault')
  check(`${name}: no token`, automountServiceAccountToken === false)
  const volumes = spec.volumes.reduce((sum, { emptyDir }) => sum + gibibytesOf(emptyDir?.sizeLimit), 0)
  for (const { securityContext, resources, readinessProbe, livenessProbe, lifecycle, ...container } of containers) {
    const { allowPrivilegeEscalation, readOnlyRootFilesystem, capabilities } = securityContext
    const isRestricted = allowPrivilegeEscalation === false && readOnlyRootFilesystem && capabilities.drop[0] === 'ALL'
    check(`${name}: restricted, with a read-only root`, isRestricted)
    check(`${name}: requests, a limit and probes`, [
      resources.requests.cpu, resources.requests.memory, resources.limits.memory, readinessProbe, livenessProbe
    ].every(value => value !== undefined))
    const { requests, limits } = resources
    const storage = limits['ephemeral-storage']
    const hasRoom = gibibytesOf(storage) >= volumes + LOG_GIB
    check(`${name}: requests ephemeral storage, with room for its volumes and logs`,
      requests['ephemeral-storage'] !== undefined && hasRoom, `${storage}, of which volumes ${volumes.toFixed(2)} Gi`)
    const { env = [], envFrom = [] } = container
    const maps = envFrom.map(({ configMapRef }) => configMapRef.name)
    const settings = Object.assign({}, ...maps.map(map => all.find(({ metadata }) => metadata.name === map)?.data))
    const fixed = env.map(({ name }) => name).filter(name => settingNames.includes(name))
    if (maps.length > 0) {
      check(`${name}: mnist-settings replaces every setting but the port of the metrics`,
        fixed.join() === 'METRICS_PORT' && maps.at(-1) === 'mnist-settings', fixed.join())
    }
    const delay = Number(settings.SHUTDOWN_DELAY ?? 0)
    const preStop = lifecycle.preStop.exec.command.join(' ')
    const pause = Number(/\d{4,}/.exec(preStop)?.[0] ?? 0) / 1000 || Number(/\d+/.exec(preStop)[0])
    const seconds = pause + (maps.length > 0 ? LONGEST_DELAY : 0) + DRAIN_SECONDS
    const { terminationGracePeriodSeconds: grace } = spec
    check(`${name}: the grace period is enough for draining`, grace >= seconds, `${grace} s of ${seconds} s`)
    const { periodSeconds } = readinessProbe
    check(`${name}: readiness fails before it stops listening`, pause + delay > periodSeconds)
  }
}

function gibibytesOf (size = '0Gi') {
  return parseFloat(size) / (size.endsWith('Mi') ? 1024 : 1)
}

/** Selectors, targets and names of volumes lead to something. */
function checkReferences (overlay, resources) {
  const pods = resources.filter(({ kind }) => kind === 'Deployment').map(({ spec }) => spec.template)
  const selects = labels => pods.some(({ metadata }) => {
    return Object.entries(labels).every(([name, value]) => metadata.labels[name] === value)
  })
  const exists = (kind, name) => resources.some(resource => resource.kind === kind && resource.metadata.name === name)
  for (const { kind, metadata: { name }, spec } of resources) {
    const what = `${overlay} ${kind} ${name}`
    if (kind === 'Service') check(`${what} selects pods`, selects(spec.selector))
    if (kind === 'PodDisruptionBudget') check(`${what} selects pods`, selects(spec.selector.matchLabels))
    if (kind === 'NetworkPolicy') check(`${what} selects pods`, selects(spec.podSelector.matchLabels))
    if (kind === 'HorizontalPodAutoscaler') {
      check(`${what} scales a deployment`, exists(spec.scaleTargetRef.kind, spec.scaleTargetRef.name))
    }
    if (kind === 'ServiceMonitor') {
      const labels = Object.entries(spec.selector.matchLabels)
      check(`${what} selects a service with its port`, resources.some(({ kind, metadata, spec: service }) => {
        return kind === 'Service' && labels.every(([name, value]) => metadata.labels?.[name] === value) &&
          service.ports.some(port => port.name === spec.endpoints[0].port)
      }))
    }
  }
  for (const { spec: { volumes = [] } } of pods) {
    for (const { name, configMap, persistentVolumeClaim: claim } of volumes) {
      if (configMap) check(`${overlay} volume ${name} exists`, exists('ConfigMap', configMap.name))
      if (claim) check(`${overlay} volume ${name} exists`, exists('PersistentVolumeClaim', claim.claimName))
    }
  }
}

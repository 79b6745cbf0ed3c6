import type { ComponentType } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import { isReachable, needsToken, setToken, token } from './api.ts'
import { dataset, list, listError, state } from './dataset.ts'
import { datasetName, view, views, viewTitles, type View } from './parameters.ts'
import { Preparation } from './parts/preparation.tsx'
import { linkTo, navigate } from './query.ts'
import { theme, type Theme } from './theme.ts'
import type { Dataset } from './types.ts'

type Part = ComponentType<{ dataset: Dataset }>

/** Loaded when they are opened. */
const parts: Readonly<Record<View, () => Promise<Part>>> = {
  samples: async () => (await import('./parts/samples.tsx')).Samples,
  model: async () => (await import('./parts/model.tsx')).Model,
  batches: async () => (await import('./parts/batches.tsx')).Batches,
  statistics: async () => (await import('./parts/statistics.tsx')).Statistics,
  map: async () => (await import('./parts/map.tsx')).Map,
  predictions: async () => (await import('./parts/predictions.tsx')).Predictions,
  use: async () => (await import('./parts/use.tsx')).Use
}

export function App () {
  const current = dataset.value
  return (
    <>
      <a class='skip' href='#main'>Skip to the content</a>
      <Header />
      {!isReachable.value && <p class='notice error' role='alert'>The server does not respond. Trying again…</p>}
      {needsToken.value && <TokenForm />}
      {listError.value && !needsToken.value && <p class='notice error' role='alert'>{listError.value.message}</p>}
      <main id='main' tabIndex={-1}>
        {current ? <CurrentPart dataset={current} key={current.version} /> : <Preparation />}
      </main>
    </>
  )
}

function Header () {
  return (
    <header>
      <div class='bar'>
        <h1>{dataset.value?.title ?? state.value?.title ?? 'mnist-batch-server'}</h1>
        <DatasetChoice />
        <label class='compact'>Theme{' '}
          <select
            value={theme.value}
            onChange={event => { theme.value = event.currentTarget.value as Theme }}
          >
            <option value='auto'>system</option>
            <option value='light'>light</option>
            <option value='dark'>dark</option>
          </select>
        </label>
        <a href='docs'>API</a>
      </div>
      <nav aria-label='Views'>
        {views.map(name => (
          <a
            key={name}
            href={linkTo({ view: name === 'samples' ? undefined : name })}
            aria-current={view.value === name ? 'page' : undefined}
            onClick={event => open(event, name)}
          >{viewTitles[name]}
          </a>
        ))}
      </nav>
    </header>
  )
}

function open (event: MouseEvent, name: View): void {
  if (event.ctrlKey || event.metaKey || event.shiftKey) return
  event.preventDefault()
  navigate({ view: name === 'samples' ? undefined : name })
}

function DatasetChoice () {
  const datasets = list.value?.datasets ?? []
  if (datasets.length < 2) return null
  return (
    <label class='compact'>Dataset{' '}
      <select value={state.value?.name ?? ''} onChange={event => datasetName.set(event.currentTarget.value)}>
        {datasets.map(({ name, title, status }) => (
          <option key={name} value={name}>{title}{status === 'ready' ? '' : ` (${status})`}</option>
        ))}
      </select>
    </label>
  )
}

function CurrentPart ({ dataset }: { dataset: Dataset }) {
  const name = view.value
  const [loaded, setLoaded] = useState<{ name: View, Part: Part }>()
  const [error, setError] = useState<Error>()
  useEffect(() => {
    let isCurrent = true
    setError(undefined)
    document.title = `${viewTitles[name]} – ${dataset.title}`
    parts[name]().then(
      Part => { if (isCurrent) setLoaded({ name, Part }) },
      error => { if (isCurrent) setError(error) }
    )
    return () => { isCurrent = false }
  }, [name, isReachable.value])
  if (error) return <p class='notice error' role='alert'>This view cannot be loaded; reload the page.</p>
  if (loaded?.name !== name) return <p class='muted' role='status'>Loading…</p>
  const { Part } = loaded
  return <Part dataset={dataset} />
}

function TokenForm () {
  const submit = (event: SubmitEvent): void => {
    event.preventDefault()
    setToken(String(new FormData(event.currentTarget as HTMLFormElement).get('token')))
  }
  return (
    <form class='notice' onSubmit={submit}>
      <label>This server requires a key{' '}
        <input name='token' type='password' autocomplete='off' value={token.value} />
      </label>{' '}
      <button>Use it</button>
    </form>
  )
}

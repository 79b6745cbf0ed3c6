import { effect } from '@preact/signals'
import { render } from 'preact'
import { generation } from './api.ts'
import { App } from './app.tsx'
import { watchDatasets } from './dataset.ts'
import { retrySheets } from './tiles.ts'
import './styles.css'

watchDatasets()
effect(() => { if (generation.value > 0) retrySheets() })
render(<App />, document.getElementById('app')!)

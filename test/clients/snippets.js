import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { pythonClient, pythonLacks } from './python.js'

const root = fileURLToPath(new URL('../..', import.meta.url))
const TIMEOUT_MS = 120_000

/** A fenced code block on the lines after `<!-- run -->`, or `<!-- run by two processes -->` of torchrun. */
const SNIPPET = /^<!-- run( by two processes)? -->\n\n?```(\w*)\n([^]*?)^```$/gm
const MARK = /<!-- run( by two processes)? -->/g

const commands = {
  python: ['python3', '-'],
  distributed: ['python3', '-m', 'torch.distributed.run', '--standalone', '--nproc-per-node', '2', 'distributed.py'],
  js: [process.execPath, '--input-type=module'],
  sh: ['bash', '-e', '-o', 'pipefail']
}

/**
 * Runs the snippets of README.md and docs/*.md against a server.
 *
 * @param {string} base address of the server, in place of http://127.0.0.1:8080
 * @returns {Promise<Array<{ name: string, failed?: string, skipped?: string }>>}
 */
export async function runSnippets (base) {
  const docs = (await readdir(join(root, 'docs'))).filter(name => name.endsWith('.md')).sort()
  const results = []
  for (const page of ['README.md', ...docs.map(name => `docs/${name}`)]) {
    results.push(...await runPage(page, await readFile(join(root, page), 'utf8'), base))
  }
  return results
}

async function runPage (page, text, base) {
  const snippets = Array.from(text.matchAll(SNIPPET), ({ 1: isDistributed, 2: language, 3: source, index }) => {
    const line = text.slice(0, index).split('\n').length
    const kind = isDistributed ? 'distributed' : language
    return { name: `${page}:${line} (${kind})`, kind, language, source: source.replaceAll('http://127.0.0.1:8080', base) }
  })
  if (snippets.length !== (text.match(MARK) ?? []).length) {
    return [{ name: page, failed: 'a <!-- run --> is not followed by a fenced code block' }]
  }
  if (page === 'README.md' && snippets.length === 0) return [{ name: page, failed: 'has no runnable snippet' }]

  // One folder per page, since a snippet may read a file that an earlier one saved.
  const scratch = await mkdtemp(join(tmpdir(), 'snippets-'))
  try {
    // Without this, curl exits with 0 on a 404.
    await writeFile(join(scratch, '.curlrc'), 'fail\n')
    return snippets.map(snippet => {
      console.log(`\n--- ${snippet.name}`)
      const result = { name: snippet.name, ...runSnippet(snippet, scratch) }
      if (result.skipped) console.log(`SKIPPED ${result.name}: ${result.skipped}`)
      return result
    })
  } finally {
    await rm(scratch, { recursive: true })
  }
}

function runSnippet ({ kind, language, source }, scratch) {
  if (!(kind in commands)) return { failed: `no command runs ${language || 'plain text'}` }
  if (language === 'python') {
    const skipped = pythonLacks(source)
    if (skipped) return { skipped }
  }
  if (language === 'sh' && !onlyCurl(source)) return { failed: 'only curl commands are run' }

  const [command, ...parameters] = commands[kind]
  // A program of two processes must be a file.
  if (kind === 'distributed') writeFileSync(join(scratch, 'distributed.py'), source)
  const { error, status, signal } = spawnSync(command, parameters, {
    input: source,
    // Node.js resolves packages from the working directory.
    cwd: language === 'js' ? root : scratch,
    env: { ...process.env, CURL_HOME: scratch, PYTHONPATH: pythonClient },
    stdio: ['pipe', 'inherit', 'inherit'],
    timeout: TIMEOUT_MS
  })
  if (error?.code === 'ENOENT') return { skipped: `no ${command}` }
  if (error) return { failed: error.message }
  return status === 0 ? {} : { failed: `ended with ${signal ?? `exit code ${status}`}` }
}

/** Whether every command is curl. A backslash at the end of a line continues a command. */
function onlyCurl (source) {
  return source.replaceAll('\\\n', ' ').split('\n').every(line => /^(\s*(#.*)?|curl .*)$/.test(line))
}

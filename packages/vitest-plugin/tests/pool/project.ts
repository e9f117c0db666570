/** A user's project in a folder of its own, and real Vitest processes on it. */
import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { Readable } from 'node:stream'
import { stripVTControlCharacters } from 'node:util'

import { onTestFinished } from 'vitest'

const plugin = dirname(dirname(import.meta.dirname))
const vitest = dirname(createRequire(import.meta.url).resolve('vitest/package.json'))
/** Two types that this computer can run. */
export const [typeA, typeB] =
  process.arch === 'arm64'
    ? (['m7g.large', 'c7g.large'] as const)
    : (['m7i.large', 'c7i.large'] as const)
/** Enough of a measurement for a test. */
export const quick = '{ time: 5, iterations: 3, warmup: false }'

export interface Output {
  /** Of the process; negative when a signal ended it. */
  readonly exitCode: number | null
  /** Both streams in the order in which they came, without colours. */
  readonly text: string
  readonly stdout: string
  readonly stderr: string
  /** As it was printed, colours and all. */
  readonly raw: string
}

export interface Running {
  readonly child: ChildProcessByStdio<null, Readable, Readable>
  /** Resolves when the output contains these words. */
  readonly until: (words: string) => Promise<void>
  readonly ended: Promise<Output>
}

export class Project {
  readonly folder: string
  /** In the environment of every process that this project starts, and of what those start. */
  readonly #mark = randomUUID()

  /** @param files by path; `options` of the plugin are written into `vitest.config.ts` unless that is given */
  constructor(
    files: Readonly<Record<string, string>>,
    options: Readonly<Record<string, unknown>> = {},
  ) {
    this.folder = realpathSync(mkdtempSync(join(tmpdir(), 'benchaway pool ')))
    onTestFinished(() => rmSync(this.folder, { recursive: true, force: true }))
    const given = { project: 'pool-test', instances: [typeA], target: 'local', ...options }
    this.write({
      'package.json': '{ "name": "user", "type": "module" }',
      'vitest.config.ts': config(JSON.stringify(given)),
      ...files,
    })
    this.link('node_modules/@benchaway/vitest-plugin', plugin)
    this.link('node_modules/vitest', vitest)
  }

  write(files: Readonly<Record<string, string>>): void {
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(join(this.folder, path)), { recursive: true })
      writeFileSync(join(this.folder, path), text)
    }
  }

  link(path: string, to: string): void {
    mkdirSync(dirname(join(this.folder, path)), { recursive: true })
    symlinkSync(to, join(this.folder, path))
  }

  read(path: string): string {
    return readFileSync(join(this.folder, path), 'utf8')
  }

  /** Runs `vitest bench` to its end. */
  bench(args: readonly string[] = [], env: Readonly<Record<string, string>> = {}): Promise<Output> {
    return this.start(['bench', ...args], env).ended
  }

  start(args: readonly string[], env: Readonly<Record<string, string>> = {}): Running {
    const command = [join(vitest, 'vitest.mjs'), ...args, '--configLoader', 'native']
    const child = spawn(process.execPath, command, {
      cwd: this.folder,
      env: { ...cleanEnvironment(), BENCHAWAY_TEST_MARK: this.#mark, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    onTestFinished(() => void child.kill('SIGKILL'))
    let raw = ''
    let stdout = ''
    let stderr = ''
    const waiting = new Set<() => void>()
    const hear = (chunk: string): void => {
      raw += chunk
      for (const look of waiting) look()
    }
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      stdout += chunk
      hear(chunk)
    })
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
      stderr += chunk
      hear(chunk)
    })
    const ended = new Promise<Output>((resolve) => {
      child.once('close', (exitCode) => {
        resolve({ exitCode, raw, text: plain(raw), stdout: plain(stdout), stderr: plain(stderr) })
      })
    })
    return {
      child,
      ended,
      until: (words) =>
        new Promise((resolve, reject) => {
          const look = (): void => {
            if (!plain(raw).includes(words)) return
            waiting.delete(look)
            resolve()
          }
          waiting.add(look)
          void ended.then(({ text }) => reject(new Error(`it ended without '${words}':\n${text}`)))
          look()
        }),
    }
  }

  /** Command lines of processes that still live although Vitest has ended. */
  leftovers(): string[] {
    return readdirSync('/proc').flatMap((pid) => {
      if (!/^\d+$/.test(pid)) return []
      try {
        if (!readFileSync(`/proc/${pid}/environ`, 'utf8').includes(this.#mark)) return []
        return [readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')]
      } catch {
        return []
      }
    })
  }
}

/** @param options source text of what `benchaway()` is given */
export function config(options: string, test = '{}'): string {
  return `import { benchaway } from '@benchaway/vitest-plugin'
import { defineConfig } from 'vitest/config'
export default defineConfig({ plugins: [benchaway(${options})], test: ${test} })
`
}

export function lastLine(text: string): string {
  return text.trimEnd().split('\n').at(-1) ?? ''
}

/** Lines between two that contain these words, trimmed. */
export function linesBetween(text: string, from: string, to: string): string[] {
  const lines = text.split('\n').map((line) => line.trim())
  const start = lines.findIndex((line) => line.includes(from))
  const end = lines.findIndex((line, index) => index > start && line.includes(to))
  return lines.slice(start + 1, end)
}

function plain(text: string): string {
  return stripVTControlCharacters(text)
}

// This process is a Vitest worker itself, perhaps of a CI job: its signs would be taken for the user's wishes. Which
// kind of machines is wished for holds for these tests, too.
const ofThisRun =
  /^(?:VITEST|AWS_|BENCHAWAY_(?!MACHINE$)|FORCE_|CI$|CI_|GITHUB_|GITLAB_|NODE_ENV$|TEST$|DEV$|PROD$|SSR$|MODE$|BASE_URL$)/

function cleanEnvironment(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => !ofThisRun.test(name))
  return { ...Object.fromEntries(kept), NO_COLOR: '1', NODE_OPTIONS: '--conditions=dev' }
}

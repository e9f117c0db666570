/** The driver files of `project/`, run as a user runs them: `vitest bench` in a folder of its own. */
import { type ChildProcess, spawn, type SpawnOptions } from 'node:child_process'
import { once } from 'node:events'
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'

export const pluginFolder: string = path.join(import.meta.dirname, '../..')
const vitestFolder = realpathSync(path.join(pluginFolder, 'node_modules/vitest'))

export interface Ended {
  readonly exitCode: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

interface Running {
  readonly child: ChildProcess
  /** Resolves once stdout or stderr holds a text; rejects when the process ends without it. */
  readonly says: (text: string) => Promise<void>
  readonly ended: Promise<Ended>
}

export interface DriverProject extends AsyncDisposable {
  readonly folder: string
  /** Where its runs keep what nobody else should see; a run that has ended leaves nothing there but its owner's folder. */
  readonly temporary: string
  /** Starts `vitest bench --run` for the files whose names contain one of these words. */
  readonly bench: (
    words: readonly string[],
    env?: Record<string, string>,
    options?: SpawnOptions,
  ) => Running
}

export function copyProject(): DriverProject {
  const folder = mkdtempSync(path.join(tmpdir(), 'benchaway driver '))
  cpSync(path.join(import.meta.dirname, 'project'), folder, { recursive: true })
  const temporary = path.join(folder, 'tmp')
  mkdirSync(temporary)
  mkdirSync(path.join(folder, 'node_modules/@benchaway'), { recursive: true })
  symlinkSync(pluginFolder, path.join(folder, 'node_modules/@benchaway/vitest-plugin'))
  symlinkSync(vitestFolder, path.join(folder, 'node_modules/vitest'))
  const running = new Set<ChildProcess>()
  // Vitest tells the processes of its tests that they are tests.
  const inherited = Object.entries(process.env).filter(
    ([name]) => !/^(?:VITEST|TEST$|NODE_ENV$|MODE$|DEV$|PROD$|SSR$|BASE_URL$|AWS_)/.test(name),
  )
  return {
    folder,
    temporary,
    bench(words, env = {}, options = {}) {
      const vitest = path.join(vitestFolder, 'vitest.mjs')
      const args = [vitest, 'bench', '--run', '--configLoader', 'native', ...words]
      const child = spawn(process.execPath, args, {
        cwd: folder,
        env: {
          ...Object.fromEntries(inherited),
          TMPDIR: temporary,
          NO_COLOR: '1',
          NODE_OPTIONS: '--conditions=dev',
          ...env,
        },
        stdio: ['ignore', 'pipe', 'pipe'],
        ...options,
      })
      running.add(child)
      child.once('exit', () => running.delete(child))
      return watch(child)
    },
    async [Symbol.asyncDispose]() {
      // A test that failed may have left one; it cleans up after itself.
      const left = [...running]
      for (const child of left) child.kill('SIGTERM')
      await Promise.all(left.map((child) => once(child, 'exit')))
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

function watch(child: ChildProcess): Running {
  const heard = { stdout: '', stderr: '' }
  const waiting = new Map<string, () => void>()
  for (const name of ['stdout', 'stderr'] as const) {
    child[name]?.on('data', (chunk: Buffer) => {
      heard[name] += chunk.toString()
      for (const [text, tell] of waiting) if (heard[name].includes(text)) tell()
    })
  }
  const ended = once(child, 'close').then(() => ({
    exitCode: child.exitCode,
    signal: child.signalCode,
    ...heard,
  }))
  return {
    child,
    ended,
    async says(text) {
      if (heard.stdout.includes(text) || heard.stderr.includes(text)) return
      const said = new Promise<void>((resolve) => waiting.set(text, resolve))
      const early = ended.then(({ stdout, stderr }) => {
        if (stdout.includes(text) || stderr.includes(text)) return
        throw new Error(`it ended without saying '${text}':\n${stdout}\n${stderr}`)
      })
      await Promise.race([said, early])
    },
  }
}

/** Processes of this computer, machines included, that have given themselves this title. */
export function processesNamed(title: string): string[] {
  return readdirSync('/proc').filter((pid) => {
    try {
      return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/cmdline`, 'utf8').startsWith(title)
    } catch {
      // It has just ended.
      return false
    }
  })
}

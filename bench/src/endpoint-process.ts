/** The command `benchaway-local-ec2` as it is installed: a process of its own, as its users have it. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import { createInterface } from 'node:readline'

const manifest = createRequire(import.meta.url).resolve('@benchaway/local-ec2/package.json')
const command = path.join(path.dirname(manifest), 'dist', 'cli.js')

export interface Endpoint extends AsyncDisposable {
  readonly pid: number
  readonly endpoint: string
  readonly region: string
  readonly credentials: { accessKeyId: string; secretAccessKey: string }
  /** From spawn to its first word, in milliseconds. */
  readonly startMs: number
}

export async function startEndpoint(machine: 'auto' | 'none'): Promise<Endpoint> {
  const started = performance.now()
  const { child, line } = await firstLine([command, '--json', '--machine', machine])
  const startMs = performance.now() - started
  const { endpoint, region, credentials } = JSON.parse(line)
  return {
    pid: child.pid ?? 0,
    endpoint,
    region,
    credentials,
    startMs,
    [Symbol.asyncDispose]: () => end(child),
  }
}

/** A Node that does nothing but wait. */
export async function startIdleNode(): Promise<{ pid: number; startMs: number } & AsyncDisposable> {
  const started = performance.now()
  const { child } = await firstLine(['--eval', 'console.log(); setInterval(() => {}, 60_000)'])
  return {
    pid: child.pid ?? 0,
    startMs: performance.now() - started,
    [Symbol.asyncDispose]: () => end(child),
  }
}

async function firstLine(args: readonly string[]): Promise<{ child: ChildProcess; line: string }> {
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  const lines = createInterface({ input: child.stdout })
  const ended = once(child, 'exit').then(([code]) => {
    throw new Error(`node ${args.join(' ')} ended with exit code ${code}`)
  })
  // Only of interest while it is waited for.
  ended.catch(() => {})
  const [line] = await Promise.race([once(lines, 'line'), ended])
  return { child, line }
}

async function end(child: ChildProcess): Promise<void> {
  const exit = once(child, 'exit')
  child.kill('SIGTERM')
  await exit
}

/** What a process and all below it hold, in MiB: `Rss`, or with pages that they share counted once, `Pss`. */
export function memoryOf(pid: number, kind: 'Rss' | 'Pss'): number {
  const rollup = readIfThere(`/proc/${pid}/smaps_rollup`)
  const kib = Number(new RegExp(`^${kind}: +(\\d+) kB$`, 'm').exec(rollup)?.[1] ?? 0)
  const below = childrenOf(pid).map((child) => memoryOf(child, kind))
  return kib / 1024 + below.reduce((sum, mib) => sum + mib, 0)
}

/** Of each of its threads: the kernel remembers which one it was. */
function childrenOf(pid: number): number[] {
  const threads = existsSync(`/proc/${pid}/task`) ? readdirSync(`/proc/${pid}/task`) : []
  return threads
    .flatMap((thread) => readIfThere(`/proc/${pid}/task/${thread}/children`).split(' '))
    .filter((word) => word !== '')
    .map(Number)
}

/** A process may end while it is looked at: it then holds nothing. */
function readIfThere(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}

/**
 * A Python with the clients that nobody here wrote, kept in the user's cache.
 *
 * It is made on first use, because only these tests want its 51 MB from PyPI (260 MB unpacked, about 20 s). After
 * that no network is needed.
 */
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, readFile, readdir, rename, rm, stat, utimes } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)
const requirements = new URL('requirements.txt', import.meta.url).pathname
// Debian's before one that a version manager put in its way: it is the one that script/setup installs.
const interpreters = ['/usr/bin/python3', 'python3']
const minuteMs = 60_000

export interface Python {
  /** Empty if there is none. */
  command: string
  /** For the name of what is skipped without it: why there is none, or nothing. */
  missing: string
}

export async function findPython(): Promise<Python> {
  try {
    return { command: await preparePython(), missing: '' }
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error)
    return { command: '', missing: `: no Python for it: ${text.trim().split('\n').at(-1)}` }
  }
}

async function preparePython(): Promise<string> {
  const { interpreter, version } = await findInterpreter()
  const cache = join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'benchaway')
  const hash = createHash('sha256')
    .update(await readFile(requirements))
    .update(`${interpreter} ${version} ${process.arch}`)
    .digest('hex')
    .slice(0, 16)
  const finished = join(cache, `referees-${hash}`)
  if (!existsSync(finished)) {
    await mkdir(cache, { recursive: true })
    await removeUnused(cache)
    await build(interpreter, finished)
  }
  // Says to later runs that this one is in use.
  await utimes(finished, new Date(), new Date())
  return join(finished, 'bin', 'python')
}

async function findInterpreter(): Promise<{ interpreter: string; version: string }> {
  let reason: unknown
  for (const interpreter of interpreters) {
    try {
      // oxlint-disable-next-line no-await-in-loop -- the first that is able
      const { stdout } = await run(interpreter, [
        '-c',
        'import ensurepip, sys, venv; print(sys.version)',
      ])
      return { interpreter, version: stdout.trim() }
    } catch (error) {
      reason ??= error
    }
  }
  throw reason
}

/** Makes it elsewhere and moves it, so that what is there is whole. Its programs are started as modules: nothing in it knows its path. */
async function build(interpreter: string, finished: string): Promise<void> {
  process.stderr.write('tests/referees: installing awscli, boto3 and moto: once, about 20 s\n')
  const half = `${finished}.${process.pid}`
  const options = { timeout: 10 * minuteMs, maxBuffer: 1e8 }
  try {
    await run(interpreter, ['-m', 'venv', half], options)
    await run(
      join(half, 'bin', 'python'),
      `-m pip install --quiet --disable-pip-version-check --no-cache-dir --no-compile --retries=2
        --no-deps --require-hashes --only-binary=:all: --requirement`
        .split(/\s+/)
        .concat(requirements),
      options,
    )
    // The first to finish wins; what the other has built is as good.
    if (!existsSync(finished)) await rename(half, finished)
  } finally {
    await rm(half, { recursive: true, force: true })
  }
}

/** What runs that were killed have left half done, and what an older list asked for. */
async function removeUnused(cache: string): Promise<void> {
  for (const name of await readdir(cache)) {
    const match = /^referees-\w+(?<half>\.\d+)?$/.exec(name)
    if (match === null) continue
    const path = join(cache, name)
    // oxlint-disable-next-line no-await-in-loop -- rarely one, never many
    const { mtimeMs } = await stat(path)
    const keptMs = (match.groups?.['half'] === undefined ? 30 * 24 * 60 : 60) * minuteMs
    // oxlint-disable-next-line no-await-in-loop -- rarely one, never many
    if (mtimeMs < Date.now() - keptMs) await rm(path, { recursive: true, force: true })
  }
}

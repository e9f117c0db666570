import type { BenchResult } from 'vitest'

import { PluginError } from '../errors.ts'
import { channelLine, quote } from '../wire/channel.ts'
import { encodeFrame } from '../wire/frames.ts'
import { LineReader } from '../wire/lines.ts'
import { type Job, type JobBench, maxReportLine } from '../wire/result.ts'
import type { Bundle } from './bundle.ts'
import type { SuiteInstance } from './instance.ts'
import { errorFrom } from './remote-error.ts'
import { RemoteOutput } from './remote-output.ts'
import { Reports } from './reports.ts'

const lingerMs = 2000
const pushed = new WeakMap<SuiteInstance, Map<string, Promise<string>>>()

/**
 * Measures a group of benchmarks on a machine, in a process that lives only for that.
 *
 * @throws {PluginError} `REMOTE_FAILED` when the process ends early or says what it should not
 * @throws what a benchmark threw there; an AggregateError when several did
 */
export async function measureOn(
  instance: SuiteInstance,
  job: Job,
  bundle: Bundle,
  signal: AbortSignal,
): Promise<BenchResult[]> {
  const machine = `${instance.type} ${instance.id}`
  const path = await push(instance, bundle)
  signal.throwIfAborted()
  const remote = await instance.open(channelLine(`${quote(instance.node)} ${quote(path)}`))
  const stopped = Promise.withResolvers<{ exitCode: undefined; signal: undefined }>()
  const stop = (): void => {
    remote.kill()
    // sshd passes no signal on to the process of root, and says nothing before it has ended.
    setTimeout(stopped.resolve, 1000, { exitCode: undefined, signal: undefined })
  }
  signal.addEventListener('abort', stop, { once: true })
  if (signal.aborted) stop()

  const reports = new Reports(namesOf(job.benches), namesOf(sampledOf(job)))
  const reader = new LineReader(maxReportLine)
  const output = new RemoteOutput()
  let nonsense: unknown
  remote.stdin.on('error', () => undefined)
  remote.stderr.on('data', (chunk: Buffer) => output.write(chunk))
  remote.stdout.on('data', (chunk: Buffer) => {
    // An error thrown here would be taken for one of the connection.
    try {
      for (const message of reader.push(chunk)) reports.take(message)
      // Everything is said; what keeps the process alive is not worth waiting for.
      if (reports.done) setTimeout(stop, lingerMs).unref()
    } catch (error) {
      nonsense ??= error
      stop()
    }
  })
  try {
    // It stays open: at its end the far process ends too.
    remote.stdin.write(encodeFrame(job))
    const exit = await Promise.race([remote.exit, stopped.promise])
    output.end()
    signal.throwIfAborted()
    if (nonsense !== undefined) throw misbehaved(machine, nonsense)
    const errors = reports.failures.map((failure) => errorFrom(failure, bundle, machine))
    if (errors.length > 1) throw new AggregateError(errors, `Some benchmarks failed on ${machine}`)
    if (errors[0] !== undefined) throw errors[0]
    if (!reports.done) throw endedEarly(machine, exit, reports.current, output.tail)
    return resultsOf(reports, machine)
  } finally {
    signal.removeEventListener('abort', stop)
    remote.kill()
  }
}

function namesOf(benches: readonly JobBench[]): string[] {
  return benches.map(({ name }) => name)
}

/** As tinybench decides it. */
function sampledOf({ benches, options }: Job): JobBench[] {
  const byDefault = options['retainSamples'] === true
  return benches.filter((bench) => bench.options['retainSamples'] ?? byDefault)
}

/** @returns where the bundle lies; what is there already is not sent again */
function push(instance: SuiteInstance, bundle: Bundle): Promise<string> {
  const there = pushed.get(instance) ?? new Map<string, Promise<string>>()
  pushed.set(instance, there)
  const { fileName } = bundle
  const pushing = there.get(fileName) ?? pushAnew(instance, bundle)
  there.set(fileName, pushing)
  pushing.catch(() => there.delete(fileName))
  return pushing
}

async function pushAnew(instance: SuiteInstance, { fileName, code }: Bundle): Promise<string> {
  const { stdout } = await instance.exec(
    'mkdir -p "$HOME"/.benchaway && cd "$HOME"/.benchaway && pwd',
  )
  const path = `${stdout.trimEnd()}/${fileName}`
  await instance.push(code, path)
  return path
}

function resultsOf(reports: Reports, machine: string): BenchResult[] {
  try {
    return reports.results()
  } catch (error) {
    throw misbehaved(machine, error)
  }
}

function misbehaved(machine: string, cause: unknown): PluginError {
  const words = cause instanceof Error ? cause.message : String(cause)
  return new PluginError('REMOTE_FAILED', `${machine} sent a result that is none: ${words}`, {
    hint: 'What runs there must leave file descriptor 4 alone.',
  })
}

function endedEarly(
  machine: string,
  exit: { readonly exitCode: number | undefined; readonly signal: string | undefined },
  bench: string | undefined,
  tail: string,
): PluginError {
  const doing =
    bench === undefined ? 'before anything was measured' : `while '${bench}' was measured`
  const { exitCode, signal } = exit
  const end =
    exitCode === undefined && signal === undefined
      ? `the ssh connection to ${machine} was lost`
      : `the process on ${machine} ended with ${signal === undefined ? `exit code ${exitCode}` : `SIG${signal}`}`
  return new PluginError('REMOTE_FAILED', [`${end} ${doing}`, tail].filter(Boolean).join('\n'))
}

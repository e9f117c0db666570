/**
 * What Vitest asks to run benchmarks in a driver file: those made by `remote()` run on their machines, the others here,
 * and all of them end up in one table.
 */
import { Bench } from 'tinybench'
import type { BenchmarkGroup, BenchmarkProvider, BenchRegistrationInput, BenchResult } from 'vitest'

import { PluginError } from '../errors.ts'
import type { JobBench } from '../wire/result.ts'
import { bundleModules } from './bundle.ts'
import type { SuiteInstance } from './instance.ts'
import { measureOn } from './measure.ts'
import { type RemoteTarget, remoteTarget } from './remote.ts'
import { reportable } from './report-error.ts'
import { assertTravels } from './travel.ts'

interface RemoteRegistration {
  readonly registration: BenchRegistrationInput
  readonly target: RemoteTarget
}

// Before a test can put a fake clock in its place.
const now = performance.now.bind(performance)

const provider: BenchmarkProvider = {
  async run(group) {
    const site = new Error('called here')
    try {
      return await runGroup(group)
    } catch (error) {
      throw reportable(error, site)
    }
  },
}

export default provider

async function runGroup(group: BenchmarkGroup): Promise<BenchResult[]> {
  assertNamesDiffer(group.registrations)
  const { signal: own } = group.options ?? {}
  const { signal: ofTest } = group.test.context
  const signal = own ? AbortSignal.any([own, ofTest]) : ofTest
  const local: BenchRegistrationInput[] = []
  const remotes = new Map<SuiteInstance, RemoteRegistration[]>()
  for (const registration of group.registrations) {
    const target = remoteTarget(registration.fn)
    if (target === undefined) local.push(registration)
    else remotes.set(target.on, [...(remotes.get(target.on) ?? []), { registration, target }])
  }
  // One machine after another: a client and its server would otherwise measure each other's load.
  const results: BenchResult[] = []
  for (const [instance, benches] of remotes) {
    results.push(...(await runThere(group, instance, benches, signal)))
  }
  if (local.length > 0) results.push(...(await runHere(group, local, signal)))
  return results
}

async function runThere(
  { config, options = {} }: BenchmarkGroup,
  instance: SuiteInstance,
  benches: readonly RemoteRegistration[],
  ofGroup: AbortSignal,
): Promise<BenchResult[]> {
  // One that is given up leaves no table, so the others need not be measured either.
  const own = benches.flatMap(({ registration }) => registration.fnOpts?.signal ?? [])
  const signal = AbortSignal.any([ofGroup, ...own])
  // The name is for the table, which is printed here; the signal is listened to here.
  const { name: _, signal: __, ...travelling } = options
  assertTravels(
    travelling,
    'options of the benchmark run: options',
    'Leave it out, or export such a function and name it in the `hooks` of remote().',
  )
  const files = benches.map(({ target }) => target.file)
  const [bundle, jobs] = await Promise.all([
    bundleModules(files),
    Promise.all(benches.map((bench) => jobOf(bench))),
  ])
  signal.throwIfAborted()
  const job = {
    benches: jobs.map(({ file, ...bench }) => ({
      ...bench,
      module: bundle.keys.get(file) ?? file,
    })),
    options: { retainSamples: config.retainSamples, ...travelling },
  }
  return measureOn(instance, job, bundle, signal)
}

async function jobOf({
  registration: { name, fnOpts = {} },
  target,
}: RemoteRegistration): Promise<Omit<JobBench, 'module'> & { file: string }> {
  const { file, exportName, hooks = {} } = target
  const { signal: _, ...travelling } = fnOpts
  assertTravels(
    travelling,
    `options of benchmark '${name}': options`,
    `Export functions from the module and name them: remote('${target.reference}', { hooks: { … } }).`,
  )
  const args = typeof target.args === 'function' ? await target.args() : (target.args ?? [])
  if (!Array.isArray(args)) {
    throw new PluginError(
      'REMOTE_INVALID',
      `args of remote('${target.reference}') returned no list`,
      {
        hint: 'Return a list, also for a single argument: args: () => [value].',
      },
    )
  }
  assertTravels(args, `remote('${target.reference}'): args`)
  return { name, file, exportName, args, hooks, options: travelling }
}

/** As Vitest does it without us. */
async function runHere(
  { test, config, options }: BenchmarkGroup,
  registrations: readonly BenchRegistrationInput[],
  signal: AbortSignal,
): Promise<BenchResult[]> {
  const bench = new Bench({
    name: test.fullTestName,
    retainSamples: config.retainSamples,
    ...options,
    signal,
    now,
  })
  for (const { name, fn, fnOpts } of registrations) bench.add(name, fn, fnOpts)
  await bench.run()
  const errors = bench.tasks.flatMap(({ result }) =>
    result.state === 'errored' ? result.error : [],
  )
  if (errors.length > 1) throw new AggregateError(errors, 'Some benchmarks failed')
  if (errors[0] !== undefined) throw errors[0]
  return bench.tasks.map(({ name, result }) => {
    if (result.state === 'completed') return { ...result, name }
    throw new Error(`benchmark '${name}' did not complete: ${result.state}`)
  })
}

function assertNamesDiffer(registrations: readonly BenchRegistrationInput[]): void {
  const names = registrations.map(({ name }) => name)
  const twice = names.find((name, index) => names.indexOf(name) !== index)
  if (twice === undefined) return
  throw new PluginError(
    'REMOTE_INVALID',
    `two benchmarks of one comparison are called '${twice}'`,
    {
      hint: 'Name them apart, for example by their machine.',
    },
  )
}

import { extname } from 'node:path'
import { fileURLToPath } from 'node:url'

import type { TestProject, Vitest } from 'vitest/node'

import { PluginError } from '../errors.ts'
import { type BenchawayOptions, resolveOptions } from '../options.ts'
import { remotePool } from './pool.ts'
import { launchReporter } from './reporter.ts'
import { Run } from './run.ts'

const configured = new WeakSet<Run>()

/**
 * Makes a benchmark project of ours run where it should. Vitest calls plugins once for each project.
 *
 * @throws {PluginError} `VITEST_UNSUPPORTED`, `CONFIG_CONFLICT`
 */
export function configureProject(
  vitest: Vitest,
  project: TestProject,
  given: BenchawayOptions,
): void {
  const options = resolveOptions(given)
  assertSupported(vitest.version)
  assertNoPool(vitest)
  const type = instanceOf(project)
  if (type === undefined) throw foreignProject(project.name)
  const { config } = project
  if (type !== 'driver') assertEnvironment(config.environment)
  // Vitest says "m7i.large (bench)", to tell it from the unit tests of the same project. There are none here.
  config.name = type
  // Its counter in front of every exported function adds some 20 ns to each call.
  config.benchmark.suppressExportGetterWarnings = true

  const run = Run.of(vitest, options)
  if (!configured.has(run)) {
    configured.add(run)
    vitest.config.reporters.push(launchReporter(run, instanceOf))
    // In watch mode Vitest closes on a timer, 10 s by default; ending machines takes longer.
    if (vitest.config.watch) {
      vitest.config.teardownTimeout = Math.max(vitest.config.teardownTimeout, 240_000)
    }
  }

  if (type === 'driver') {
    config.include = [options.drivers]
    config.benchmark.provider = fileURLToPath(
      new URL(`../suite/provider${extname(import.meta.filename)}`, import.meta.url),
    )
    return
  }
  config.exclude = [...config.exclude, options.drivers]
  config.pool = 'benchaway'
  config.poolRunner = remotePool(run, type)
}

/** On which type a project's files run, or `'driver'`; undefined for a project that is not ours. */
function instanceOf(project: TestProject): string | undefined {
  const provided: { 'benchaway:instance'?: string } = project.config.provide
  return provided['benchaway:instance']
}

/** @throws {PluginError} `VITEST_UNSUPPORTED` outside of 5.1 */
export function assertSupported(version: string): void {
  if (/^5\.1\.\d+$/.test(version)) return
  throw new PluginError('VITEST_UNSUPPORTED', `benchaway does not know Vitest ${version}`, {
    hint: 'Install vitest ~5.1.0, or a version of @benchaway/vitest-plugin that knows yours.',
  })
}

function foreignProject(name: string): PluginError {
  return new PluginError(
    'CONFIG_CONFLICT',
    `the benchmark project '${name}' is not one that benchaway made, so its files would run here`,
    { hint: 'Leave out what adds the project, or use Vitest 5.1.1 if nothing does.' },
  )
}

function assertNoPool(vitest: Vitest): void {
  const { pool } = vitest.config.cliOptions
  if (pool === undefined) return
  throw new PluginError(
    'CONFIG_CONFLICT',
    `--pool=${typeof pool === 'string' ? pool : pool.name} and benchaway both decide where bench files run`,
    {
      hint: 'Leave one of them out.',
    },
  )
}

function assertEnvironment(environment: string): void {
  if (!['jsdom', 'happy-dom', 'edge-runtime'].includes(environment)) return
  throw new PluginError(
    'CONFIG_CONFLICT',
    `the config has \`test.environment\` '${environment}', and machines have only 'node'`,
    { hint: 'Give benchmarks a config of their own: vitest bench --config vitest.bench.config.ts' },
  )
}

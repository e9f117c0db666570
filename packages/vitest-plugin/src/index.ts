import type { ViteUserConfigFn } from 'vitest/config'
import type { TestUserConfig, Vite } from 'vitest/node'

import { PluginError } from './errors.ts'
import type { BenchawayOptions } from './options.ts'

export { PluginError, type PluginErrorCode } from './errors.ts'
export type { BenchawayOptions } from './options.ts'

type UserConfig = Awaited<ReturnType<ViteUserConfigFn>>

declare module 'vitest' {
  interface ProvidedContext {
    /** The instance type that this bench file runs on; `'driver'` in a file that stays on the developer's computer. */
    'benchaway:instance': string
  }
}

/**
 * Runs `vitest bench` on EC2 machines that exist only for that run. Nothing else that Vitest does is touched.
 *
 * @throws once Vitest starts a benchmark run: {BenchawayError} `OPTION_INVALID`; {PluginError} `CONFIG_CONFLICT`,
 *   `VITEST_UNSUPPORTED`
 */
export function benchaway(options: BenchawayOptions): Vite.Plugin {
  return {
    name: 'benchaway',
    enforce: 'pre',
    config: {
      // Before Vitest looks whether there are projects: it then lets all of them share one Vite server.
      order: 'pre',
      async handler(config, { mode }) {
        // Vitest up to 4 had a mode of its own for benchmarks, and none of what this plugin builds on.
        if (mode === 'benchmark') throw tooOld()
        if (!isBenchmarkRun(cliOptions(config.plugins))) return
        if (config.test?.projects !== undefined) throw hasProjects()
        const { resolveOptions } = await import('./options.ts')
        config.test = { ...config.test, projects: projectsOf(resolveOptions(options).instances) }
      },
    },
    configResolved({ test }) {
      if (test === undefined || !isBenchmarkRun(test)) return
      // By then a benchmark project is called 'm7i.large (bench)', which `--project m7i.large` does not match.
      test.project = [test.project ?? []].flat().flatMap((name) => [name, `${name} (bench)`])
    },
    async configureVitest({ vitest, project }) {
      if (!isBenchmarkRun(vitest.config.cliOptions)) return
      const { configureProject } = await import('./host/configure.ts')
      configureProject(vitest, project, options)
    },
  }
}

function projectsOf(instances: readonly string[]): NonNullable<TestUserConfig['projects']> {
  return [...instances, 'driver'].map((name) => ({
    extends: true,
    test: { name, provide: { 'benchaway:instance': name } },
  }))
}

/**
 * What was typed after `vitest`. Plugins are told too late for projects, but the plugin by which Vitest puts it into
 * the config stands in the list already. Should Vitest change that, `configureProject()` refuses to go on.
 */
function cliOptions(plugins: UserConfig['plugins']): object {
  const probe: UserConfig = {}
  for (const plugin of [plugins].flat(5)) {
    if (typeof plugin !== 'object' || plugin === null || !('config' in plugin)) continue
    if (plugin.name !== 'vitest:config:cli' || typeof plugin.config !== 'object') continue
    Reflect.apply(plugin.config.handler, undefined, [probe])
  }
  return probe.test ?? {}
}

// Vitest keeps what `vitest bench` means out of its types.
function isBenchmarkRun(options: object): boolean {
  return 'benchmarkOnly' in options && options.benchmarkOnly === true
}

function hasProjects(): PluginError {
  return new PluginError(
    'CONFIG_CONFLICT',
    'the config has `test.projects`, and benchaway makes a project of each instance type',
    { hint: 'Give benchmarks a config of their own: vitest bench --config vitest.bench.config.ts' },
  )
}

function tooOld(): PluginError {
  return new PluginError(
    'VITEST_UNSUPPORTED',
    'benchaway does not know this Vitest: it is older than 5.1',
    { hint: 'Install vitest ~5.1.0.' },
  )
}

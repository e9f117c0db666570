import {
  checkOptions,
  imageRule,
  ingressRule,
  isInstanceType,
  isMs,
  isProjectName,
  isText,
  isWhole,
  type OptionRule,
} from '@benchaway/core/check-options'

import { PluginError } from './errors.ts'

export interface BenchawayOptions {
  /** Tells your projects apart in one AWS account: 1 to 64 of `a-z 0-9 . _ -`. */
  project: string
  /** On which instance types each bench file runs, such as `['m7i.large', 'c8g.large']`; each is a Vitest project. */
  instances: string[]
  /**
   * `'aws'`, or `'local'` for machines that boot on this computer and whose numbers say nothing about EC2.
   * @default the variable BENCHAWAY_TARGET, then 'aws'
   */
  target?: 'aws' | 'local' | undefined
  /** Such as `eu-central-1`; for AWS only. @default what the AWS SDK finds in the environment or the profile */
  region?: string | undefined
  /**
   * `debian-12`, `debian-13`, `ubuntu-24.04`, `amazon-linux-2023`, or an id such as `ami-0123456789abcdef0`, which
   * needs `user`.
   * @default 'debian-12'
   */
  image?: string | undefined
  /** The account that the image logs in with. @default what is known of the named image */
  user?: string | undefined
  /**
   * Which bench files stay on this computer and command machines with `useInstance()` and `remote()`.
   * @default '**\/*.driver.bench.?(c|m)[jt]s?(x)'
   */
  drivers?: string | undefined
  /**
   * Files of the project that benchmarks read at run time, as globs; links are followed. Code is sent by itself.
   * @default []
   */
  files?: string[] | undefined
  /** Names of environment variables that benchmarks may see; nothing named AWS_* is ever sent. @default [] */
  env?: string[] | undefined
  /**
   * From where ssh is let in: `'me'` is this computer's address as AWS sees it, `'any'` everybody, otherwise blocks
   * such as `['203.0.113.0/24']`.
   * @default 'me'
   */
  ingress?: 'me' | 'any' | string[] | undefined
  /** Most machines that live at once. @default 8 */
  maxInstances?: number | undefined
  /** How long a machine may wait for the first ssh login, in milliseconds; also how long we try. @default 600_000 */
  graceMs?: number | undefined
  /** How long a machine may live, whatever happens, in milliseconds. @default 3_600_000 */
  ttlMs?: number | undefined
}

/** What `core` has a default for stays undefined here. */
export interface ResolvedOptions {
  readonly project: string
  readonly instances: readonly string[]
  readonly target: 'aws' | 'local'
  readonly region: string | undefined
  readonly image: string | undefined
  readonly user: string | undefined
  readonly drivers: string
  readonly files: readonly string[]
  readonly env: readonly string[]
  readonly ingress: 'me' | 'any' | readonly string[] | undefined
  readonly maxInstances: number | undefined
  readonly graceMs: number | undefined
  readonly ttlMs: number | undefined
}

const isTexts = (value: unknown): value is string[] => Array.isArray(value) && value.every(isText)
const isTarget = (value: unknown): value is 'aws' | 'local' => value === 'aws' || value === 'local'

/** In milliseconds. */
const day = 86_400_000

const rules: Readonly<Record<keyof BenchawayOptions, OptionRule>> = {
  project: [isProjectName, '1 to 64 characters of a-z, 0-9, dot, underscore and hyphen'],
  instances: [
    (value) =>
      isTexts(value) &&
      value.length > 0 &&
      new Set(value).size === value.length &&
      value.every((type) => isInstanceType(type)),
    "a list of different instance types, such as ['m7i.large', 'c8g.large']",
  ],
  target: [isTarget, "'aws' or 'local'"],
  region: [isText, 'the name of a region, such as eu-central-1'],
  image: imageRule,
  user: [isText, 'the name of an account'],
  drivers: [isText, "a glob, such as '**/*.driver.bench.ts'"],
  files: [
    (value) => isTexts(value) && value.every((glob) => !/^\/|(?:^|\/)\.\.(?:\/|$)/.test(glob)),
    "a list of globs that stay in the project, such as ['fixtures/**']",
  ],
  env: [
    (value) => isTexts(value) && value.every((name) => !/^AWS_/i.test(name)),
    'a list of names of variables, none of them AWS_*: credentials never go to a machine',
  ],
  ingress: ingressRule,
  maxInstances: [isWhole(1, 1000), 'a whole number from 1 to 1000'],
  graceMs: [isMs(1000, day), 'milliseconds from 1000 to 86400000 (a day)'],
  ttlMs: [isMs(1000, day), 'milliseconds from 1000 to 86400000 (a day)'],
}

/**
 * Checks what the type checker could not see, and fills in the defaults.
 *
 * @throws {BenchawayError} `OPTION_INVALID` that says which option, what was read and what is allowed
 */
export function resolveOptions(
  options: BenchawayOptions,
  variables: NodeJS.ProcessEnv = process.env,
): ResolvedOptions {
  checkOptions('benchaway()', options, rules)
  const given: Record<string, unknown> = { ...options }
  for (const name of ['project', 'instances']) {
    if (given[name] === undefined) {
      throw new PluginError('OPTION_INVALID', `benchaway() needs the option '${name}'`, {
        hint: `Give ${ruleOf(name)?.[1]}.`,
      })
    }
  }
  const { image: wanted = '', user: login, instances: types, maxInstances: most = 8 } = options
  if (wanted.startsWith('ami-') && login === undefined) {
    throw new PluginError('OPTION_INVALID', `image '${wanted}' needs the option 'user'`, {
      hint: 'Name the account that the image logs in with, such as admin, ubuntu or ec2-user.',
    })
  }
  // Known before any of them costs something.
  if (types.length > most) {
    const message = `benchaway() has ${types.length} instances, and maxInstances is ${most}`
    throw new PluginError('OPTION_INVALID', message, {
      hint: 'Raise `maxInstances` if you mean it, or name fewer types.',
    })
  }
  const {
    project,
    instances,
    target = targetOf(variables['BENCHAWAY_TARGET']),
    region,
    image,
    user,
    drivers = '**/*.driver.bench.?(c|m)[jt]s?(x)',
    files = [],
    env = [],
    ingress,
    maxInstances,
    graceMs,
    ttlMs,
  } = options
  const limits = { maxInstances, graceMs, ttlMs }
  return {
    project,
    instances,
    target,
    region,
    image,
    user,
    drivers,
    files,
    env,
    ingress,
    ...limits,
  }
}

function targetOf(variable: string | undefined): 'aws' | 'local' {
  if (variable === undefined || variable === '') return 'aws'
  if (isTarget(variable)) return variable
  throw new PluginError('OPTION_INVALID', `the variable BENCHAWAY_TARGET is '${variable}'`, {
    hint: `Set it to 'aws' or 'local', or unset it.`,
  })
}

function ruleOf(name: string): OptionRule | undefined {
  return new Map<string, OptionRule>(Object.entries(rules)).get(name)
}

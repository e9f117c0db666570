import {
  checkOptions,
  imageRule,
  isInstanceType,
  isMs,
  isText,
  isWhole,
  type OptionRule,
  readUserData,
  userDataRule,
  type UserPart,
} from '@benchaway/core/check-options'
import { aroundAll, beforeAll, inject, TestRunner } from 'vitest'

import { PluginError } from '../errors.ts'
import type { BrokerAddress } from '../wire/broker.ts'
import { instanceHandle, type SuiteInstance } from './instance.ts'
import { Machine, type MachinePlan } from './machine.ts'
import { reportable } from './report-error.ts'

export interface UseInstanceOptions {
  /** Such as `m7i.large`. */
  type: string
  /**
   * `debian-12`, `debian-13`, `ubuntu-24.04`, `amazon-linux-2023`, or an id such as `ami-0123456789abcdef0`, which
   * needs `user`.
   * @default 'debian-12'
   */
  image?: string | undefined
  /** The account that the image logs in with. @default what is known of the named image */
  user?: string | undefined
  /** Size of the root volume. @default what the image has */
  volumeGib?: number | undefined
  /**
   * What the machine itself does when it boots, as `launch()` of `@benchaway/core` takes it: scripts that begin with
   * `#!`, `#cloud-config`, `#cloud-boothook`; one, or a list. Scripts and `runcmd` may still run when `setup` begins.
   * @default nothing
   */
  userData?: UserPart | readonly UserPart[] | undefined
  /**
   * Makes the machine ready for the tests. Machines of a suite boot at the same time and are set up one after another,
   * so it may use those that were declared above it.
   * @default nothing
   */
  setup?: ((instance: SuiteInstance) => unknown) | undefined
  /**
   * How long it may take from its turn until it is up and set up, in milliseconds; its boot began with that of the
   * suite's first machine.
   * @default 600_000
   */
  timeoutMs?: number | undefined
}

const rules: { readonly [K in keyof UseInstanceOptions]-?: OptionRule } = {
  type: [isInstanceType, 'the name of an instance type, such as m7i.large'],
  image: imageRule,
  user: [isText, 'the name of an account'],
  volumeGib: [isWhole(1, 16_384), 'a whole number of GiB from 1 to 16384'],
  userData: userDataRule,
  setup: [(value) => typeof value === 'function', 'a function that is given the machine'],
  timeoutMs: [isMs(1000, 86_400_000), 'milliseconds from 1000 to 86400000 (a day)'],
}

const suites = new WeakMap<object, Machine[]>()
// Vitest's own words for a hook that hangs tell less than ours, which come first.
const slackMs = 10_000

/**
 * Gives a suite a machine of its own: launched before its first test, terminated after its last. Call it in
 * `describe()`, or at the top of a driver file.
 *
 * @returns stands for the machine; usable inside tests and hooks of the suite
 * @throws {BenchawayError} `OPTION_INVALID`; tests fail with `NOT_A_DRIVER` in a file that is no driver, and with what
 *   went wrong when the machine does not come up
 */
export function useInstance(options: UseInstanceOptions): SuiteInstance {
  const site = new Error('called here')
  const plan = planOf(options)
  const suite = machinesOfSuite()
  const machine = new Machine(plan, suite.at(-1))
  suite.push(machine)
  // Every `afterAll` may use it, and one that throws keeps Vitest from calling the others.
  aroundAll(async (runSuite) => {
    try {
      await runSuite()
    } finally {
      await machine.end()
    }
  }, 60_000)
  beforeAll(async () => {
    try {
      const address = brokerAddress()
      // One is made ready after another, but they can boot at the same time.
      for (const one of suite) one.boot(address)
      await machine.ready(address)
    } catch (error) {
      throw reportable(error, site)
    }
  }, machine.limitMs + slackMs)
  return instanceHandle(() => machine.instance)
}

function planOf(options: UseInstanceOptions): MachinePlan {
  try {
    if (TestRunner.getCurrentTest() !== undefined) {
      throw new PluginError('NOT_A_DRIVER', 'useInstance() was called inside a test', {
        hint: 'Call it in describe() or at the top of the file: the machine boots before the first test.',
      })
    }
    checkOptions('useInstance()', options, rules)
    const { type, image, user, volumeGib, setup, timeoutMs = 600_000 } = options
    if (type === undefined) {
      throw new PluginError('OPTION_INVALID', `useInstance() needs the option 'type'`, {
        hint: 'Name an instance type, such as m7i.large.',
      })
    }
    const parts = readUserData('useInstance()', options.userData).map(({ text }) => text)
    const userData = parts.length === 0 ? undefined : parts
    return { type, image, user, volumeGib, userData, setup, timeoutMs }
  } catch (error) {
    throw reportable(error)
  }
}

function machinesOfSuite(): Machine[] {
  const suite = TestRunner.getCurrentSuite()
  const machines = suites.get(suite) ?? []
  suites.set(suite, machines)
  return machines
}

/** @throws {PluginError} `NOT_A_DRIVER` */
function brokerAddress(): BrokerAddress {
  const address = inject('benchaway')
  if (address !== undefined) return address
  throw new PluginError('NOT_A_DRIVER', 'useInstance() was called in a file that has no machines', {
    hint: 'Add benchaway() to the plugins of your Vitest config, name the file *.driver.bench.ts, and run `vitest bench`.',
  })
}

import type { Instance } from '@benchaway/core'

/** A machine that lives as long as the tests of a suite. */
export type SuiteInstance = Instance & {
  /** Absolute path of Node on the machine: of the version that runs Vitest here. */
  readonly node: string
}

const mark: unique symbol = Symbol.for('benchaway.instance')

/**
 * What stands for a machine before there is one.
 *
 * @param current the machine; throws while there is none
 */
export function instanceHandle(current: () => SuiteInstance): SuiteInstance {
  const empty: SuiteInstance = Object.create(null)
  return new Proxy(empty, {
    get(_, key) {
      if (key === mark) return true
      // What prints or awaits a value asks for symbols and `then`: a machine has neither.
      if (typeof key === 'symbol' || key === 'then') return undefined
      const instance = current()
      const value: unknown = Reflect.get(instance, key, instance)
      // Methods read private fields, which a proxy has not.
      return typeof value === 'function' ? value.bind(instance) : value
    },
  })
}

export function isInstanceHandle(value: unknown): value is SuiteInstance {
  return typeof value === 'object' && value !== null && Reflect.get(value, mark) === true
}

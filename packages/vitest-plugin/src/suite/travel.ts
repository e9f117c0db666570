import { PluginError } from '../errors.ts'
import { isInstanceHandle } from './instance.ts'

const builtIn = new Set<unknown>([
  Object.prototype,
  Array.prototype,
  Map.prototype,
  Set.prototype,
  Date.prototype,
  RegExp.prototype,
  ArrayBuffer.prototype,
  null,
])

/**
 * Refuses what would not arrive on a machine as it is: a structured clone drops the methods of a class without a word.
 *
 * @param what says what is sent, for the message
 * @param hint what to do instead
 * @throws {PluginError} `REMOTE_INVALID` that names the place inside the value
 */
export function assertTravels(
  value: unknown,
  what: string,
  hint = 'Send plain data: text, numbers, lists, objects, Map, Set, Date, bytes.',
): void {
  const found = findForeign(value, '', new Set())
  if (found === undefined) return
  const [path, kind] = found
  const message = `${what}${path} is ${kind}, which cannot go to a machine`
  throw new PluginError('REMOTE_INVALID', message, { hint })
}

function findForeign(
  value: unknown,
  path: string,
  seen: Set<unknown>,
): [path: string, kind: string] | undefined {
  if (typeof value === 'function') return [path, 'a function']
  if (typeof value === 'symbol') return [path, 'a symbol']
  if (typeof value !== 'object' || value === null || seen.has(value)) return undefined
  seen.add(value)
  if (isInstanceHandle(value)) return [path, 'what useInstance() returned']
  if (ArrayBuffer.isView(value)) return undefined
  const prototype: unknown = Object.getPrototypeOf(value)
  if (!builtIn.has(prototype)) return [path, `an instance of ${nameOf(value)}`]
  if (value instanceof Map) {
    for (const [key, one] of value) {
      const found =
        findForeign(key, `${path}.keys()`, seen) ??
        findForeign(one, `${path}.get(${String(key)})`, seen)
      if (found) return found
    }
  } else if (value instanceof Set) {
    for (const one of value) {
      const found = findForeign(one, `${path}.values()`, seen)
      if (found) return found
    }
  } else {
    for (const [key, one] of Object.entries(value)) {
      const step = Array.isArray(value) ? `[${key}]` : `.${key}`
      const found = findForeign(one, path + step, seen)
      if (found) return found
    }
  }
  return undefined
}

function nameOf(value: object): string {
  const { constructor } = value
  return typeof constructor === 'function' && constructor.name !== '' ? constructor.name : 'a class'
}

/** The conditions of a link, checked for callers without types. */
import { LocalEc2Error } from './errors.ts'
import { type LinkConditions, linkCuts } from './machine/machine.ts'
import { nearest } from './nearest.ts'

const checks: Record<keyof LinkConditions, readonly [is: (value: unknown) => boolean, string]> = {
  roundTripMs: [isNumber(0, 60_000), 'a number from 0 to 60000'],
  lossRate: [isNumber(0, 1), 'a number from 0 to 1'],
  cut: [(value) => linkCuts.some((cut) => cut === value), `one of ${linkCuts.join(', ')}`],
  seed: [Number.isSafeInteger, 'a whole number'],
}

/** @throws {LocalEc2Error} `LINK_INVALID` */
export function checkConditions(conditions: LinkConditions): void {
  if (typeof conditions !== 'object' || conditions === null || Array.isArray(conditions)) {
    throw new LocalEc2Error('LINK_INVALID', 'the conditions of a link must be an object')
  }
  for (const [name, value] of Object.entries(conditions)) {
    if (!isName(name)) throw unknownName(name)
    const [is, wanted] = checks[name]
    if (value !== undefined && !is(value)) {
      const said = typeof value === 'number' ? String(value) : JSON.stringify(value)
      throw new LocalEc2Error('LINK_INVALID', `${name} must be ${wanted}, not ${said}`)
    }
  }
}

const isName = (name: string): name is keyof LinkConditions => Object.hasOwn(checks, name)

function unknownName(name: string): LocalEc2Error {
  const near = nearest(name, Object.keys(checks))
  const hint =
    near === undefined ? `There are: ${Object.keys(checks).join(', ')}.` : `Did you mean ${near}?`
  return new LocalEc2Error('LINK_INVALID', `a link has no condition ${name}`, { hint })
}

function isNumber(min: number, max: number): (value: unknown) => boolean {
  return (value) => typeof value === 'number' && value >= min && value <= max
}

/** What each kind of fault may hold, by the member that makes it that kind. */
import type { MachineTrouble } from '../machine/machine.ts'
import { nearest } from '../nearest.ts'
import { zones } from '../world/network.ts'
import { type Accepts, isPaged, knownActions, type KnownAction, matchesAction } from './actions.ts'
import {
  type Check,
  either,
  isRecord,
  listOf,
  type Members,
  membersOf,
  notA,
  number,
  object,
  text,
  unknownWord,
  word,
  wrong,
} from './checks.ts'
import { knownErrors } from './error-words.ts'

/** What `setTimeout` can wait for. */
const ms = number(0, 2 ** 31 - 1)
const ordinal = number(1, 2 ** 32, { whole: true })
const moment = word('before-commit', 'after-commit')

const nth: Check = either({
  list: listOf(ordinal),
  record(value, path) {
    object({ from: ordinal }, { to: ordinal })(value, path)
    const { from, to = from } = membersOf(value)
    if (Number(to) < Number(from)) throw wrong(`${path}.to`, 'is below from, which is never')
  },
  otherwise: ordinal,
})

const callMembers: Members = {
  action: oneOrMore(checkAction),
  nth,
  probability: number(0, 1),
  seed: number(0, 2 ** 32 - 1, { whole: true }),
  accessKeyId: text,
  input(value, path) {
    if (!isRecord(value)) throw notA('an object', value, path)
  },
  afterMs: ms,
}

/** Of what is made here and found later. */
const madeTypes = [
  'instance',
  'key-pair',
  'network-interface',
  'security-group',
  'security-group-rule',
  'volume',
]

const launchMembers: Members = { launch: nth, instanceType: text }

const running: readonly MachineTrouble[] = ['sshd-stops', 'freezes', 'loses-network', 'disk-full']

const interruption: Members = { noticeMs: ms, behavior: word('terminate', 'stop') }

const machineMembers: Readonly<Record<string, { must?: Members; may?: Members }>> = {
  'never-boots': {},
  'boots-slowly': { must: { bootDelayMs: ms } },
  'wrong-host-key': {},
  ...Object.fromEntries(running.map((trouble) => [trouble, { may: { afterMs: ms } }])),
  'is-interrupted': { may: { afterMs: ms, ...interruption } },
}

export const shapes: Readonly<Record<string, Check>> = {
  drop: callFault({ drop: moment }),
  delayMs: callFault({ delayMs: ms }, { delay: moment }),
  error: errorFault,
  throttle: callFault({
    throttle: either({
      record: object({
        burst: number(0, 1_000_000, { whole: true }),
        perSecond: number(0, 1_000_000),
      }),
      otherwise: word('documented'),
    }),
  }),
  visibilityLagMs: callFault({ visibilityLagMs: ms }, { of: oneOrMore(word(...madeTypes)) }),
  tagLagMs: callFault({ tagLagMs: ms }),
  pageSize: pagesFault,
  noCapacity: callFault({
    noCapacity: either({
      record: object(
        {},
        { zones: listOf(word(...zones.map(({ name }) => name))), instanceTypes: listOf(text) },
      ),
      otherwise: word('everywhere'),
    }),
  }),
  credentials: callFault({ credentials: word('expired') }),
  clockSkewMs: object({ clockSkewMs: number(-(2 ** 42), 2 ** 42) }),
  machine: machineFault,
}

export function runningShape(value: unknown, path: string): void {
  if (!isRecord(value)) throw notA('an object', value, path)
  const { machine } = value
  const words = word(...running, 'is-interrupted')
  object({ machine: words }, machine === 'is-interrupted' ? interruption : {})(value, path)
}

function oneOrMore(check: Check): Check {
  return either({ list: listOf(check), otherwise: check })
}

function callFault(must: Members, may: Members = {}): Check {
  const check = object(must, { ...may, ...callMembers })
  return (value, path) => {
    check(value, path)
    const { action, input } = membersOf(value)
    const accepted = struckBy(action).map(({ accepts }) => accepts)
    if (input !== undefined) checkInput(input, `${path}.input`, accepted)
  }
}

function checkAction(value: unknown, path: string): void {
  text(value, path)
  const pattern = String(value)
  if (struckBy(pattern).length > 0) return
  const words = knownActions().map(({ service, name }) =>
    pattern.includes(':') ? `${service}:${name}` : name,
  )
  throw unknownWord(path, { what: 'no action of this endpoint', said: pattern, words })
}

/** @param patterns checked, or not there */
function struckBy(patterns: unknown): KnownAction[] {
  const list = (Array.isArray(patterns) ? patterns : [patterns ?? '*']).map(String)
  return knownActions().filter((known) => matchesAction(list, known))
}

/** Every parameter must be one of at least one of the actions. */
function checkInput(value: unknown, path: string, accepted: readonly Accepts[]): void {
  if (accepted.includes(true)) return
  if (Array.isArray(value)) {
    value.forEach((item: unknown, index) => checkInput(item, `${path}[${index}]`, accepted))
    return
  }
  if (!isRecord(value)) return
  const known = accepted.flatMap((shape) => (shape === true ? [] : [shape]))
  for (const [name, inner] of Object.entries(value)) {
    const below = known.map((shape) => shape[name]).filter((shape) => shape !== undefined)
    if (below.length === 0) {
      const words = [...new Set(known.flatMap((shape) => Object.keys(shape)))]
      throw unknownWord(`${path}.${name}`, {
        what: 'no parameter of these actions',
        said: name,
        words,
      })
    }
    checkInput(inner, `${path}.${name}`, below)
  }
}

function errorFault(value: unknown, path: string): void {
  callFault({ error: text }, { message: text, status: number(400, 599, { whole: true }) })(
    value,
    path,
  )
  const { error, message } = membersOf(value)
  const code = String(error)
  if (knownErrors.includes(code)) return
  const near = nearest(code, knownErrors)
  const hint = `${near === undefined ? '' : `Did you mean ${near}? `}Give it a message if it is meant.`
  if (message === undefined)
    throw wrong(`${path}.error`, `is no error code known here: ${code}`, hint)
  if (!/^[A-Z][\w.]*$/.test(code)) throw wrong(`${path}.error`, `is no error code: ${code}`)
}

function pagesFault(value: unknown, path: string): void {
  callFault({ pageSize: number(1, 1000, { whole: true }) })(value, path)
  const { action } = membersOf(value)
  if (struckBy(action).some(({ service, name }) => isPaged(service, name))) return
  throw wrong(`${path}.action`, 'has no action that answers in pages')
}

function machineFault(value: unknown, path: string): void {
  if (!isRecord(value)) throw notA('an object', value, path)
  const { machine } = value
  word(...Object.keys(machineMembers))(machine, `${path}.machine`)
  const { must = {}, may = {} } = machineMembers[String(machine)] ?? {}
  object({ machine: text, ...must }, { ...may, ...launchMembers })(value, path)
}

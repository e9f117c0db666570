/**
 * What the light machine makes of user-data, and what cloud-init itself makes of it, on two Debians: first how it takes
 * it apart, then what becomes of a machine's files. The same, or listed with the reason; what is listed has to occur.
 */
import { readFileSync } from 'node:fs'

import { afterAll, beforeAll, expect, test } from 'vitest'

import { mergedConfig } from '../../src/machine/boot/cloud-config.ts'
import { parseUserData } from '../../src/machine/boot/user-data.ts'
import { Gate } from '../../src/machine/fabric/gate.ts'
import { openMachineHost } from '../../src/machine/host.ts'
import type { ImageSystem, MachineHost } from '../../src/machine/machine.ts'
import { words } from '../../src/machine/words.ts'
import {
  boot,
  bootsImage,
  type Booted,
  finished,
  type Keys,
  makeKeys,
  request,
  wantedKind,
} from '../machine/bench-kit.ts'
import { bootMs, describeOn, has, type Needs, systems } from './kit.ts'
import { type BootCase, bootNames, boots, nothing } from './user-data/boots.ts'
import { type Delta, delta, differences } from './user-data/delta.ts'
import { isExpected, rules } from './user-data/expected.ts'
import { forms } from './user-data/forms.ts'
import { makeMaterial, type Material } from './user-data/material.ts'
import { remote, snapshot, type Snapshot } from './user-data/snapshot.ts'

type Applier = ImageSystem | 'light' | 'systemd'

const withSystemd: Needs = { kind: 'systemd', systems: ['debian-13'] }
/** The case that is booted by systemd, too. */
const withEverything = 'parts of every type'

/** A machine that has booted, and what it looked like afterwards. */
interface Outcome {
  files: Snapshot
  /** After another boot, where the case asks for one. */
  again: Snapshot | undefined
  /** What of its texts is its own. */
  words: ReadonlyMap<string, string>
  /** What its cloud-init says of all forms, one a line; asked where it has nothing else to do. */
  answers: string
}

describeOn({ kind: 'cloud-init' }, 'user-data', () => {
  let keys: Keys
  let material: Material
  let hosts: { light: MachineHost; real: MachineHost; systemd?: MachineHost }
  const outcomes = new Map<string, Promise<Outcome>>()

  beforeAll(async () => {
    keys = makeKeys()
    material = makeMaterial(keys)
    const [light, real, systemd] = await Promise.all([
      openMachineHost(bootsImage ? 'auto' : wantedKind),
      openMachineHost('cloud-init'),
      has(withSystemd) ? openMachineHost('systemd') : undefined,
    ])
    hosts = { light, real, ...(systemd !== undefined && { systemd }) }
    // All of them begin here, some at a time; each test waits for its own.
    const gate = new Gate(4, 100_000)
    for (const [name, asked] of Object.entries({ nothing, ...boots(material) })) {
      const more = 'systemd' in hosts && name === withEverything ? (['systemd'] as const) : []
      for (const applier of ['light', ...systems, ...more] as const) {
        const outcome = gate.enter().then(async (leave) => {
          try {
            return await outcomeOf(applier, asked)
          } finally {
            leave()
          }
        })
        // Told by the tests that need it.
        outcome.catch(() => {})
        outcomes.set(`${name} ${applier}`, outcome)
      }
    }
  })

  afterAll(async () => {
    await Promise.all(Object.values(hosts ?? {}).map((host) => host.close()))
    keys?.[Symbol.dispose]()
  })

  async function outcomeOf(applier: Applier, asked: BootCase): Promise<Outcome> {
    const { userData, account = 'admin', again = false } = asked
    const order = orderOf(userData, keys)
    const machine =
      applier === 'light'
        ? boot(hosts.light, order)
        : applier === 'systemd'
          ? boot(hosts.systemd ?? hosts.real, { ...order, system: 'debian-13' })
          : boot(hosts.real, { ...order, system: applier })
    await finished(machine, 1, bootMs)
    const files = await snapshot(machine, keys, account)
    let later: Snapshot | undefined
    if (again && applier !== 'systemd') {
      machine.reboot()
      await finished(machine, 2, bootMs)
      later = await snapshot(machine, keys, account)
    }
    const answers = asked === nothing && applier !== 'light' ? await ask(machine) : ''
    await machine.powerOff()
    machine.discard()
    const own = new Map([
      [order.instanceId, 'INSTANCE'],
      [order.hostname ?? '', 'HOSTNAME'],
      [machine.privateIp, 'ADDRESS'],
      ...wordsOf(material),
    ])
    return { files, again: later, words: own, answers }
  }

  async function ask(machine: Booted): Promise<string> {
    const lines = Object.values(forms).map((form) => Buffer.from(form).toString('base64'))
    const program = readFileSync(new URL('user-data/oracle.py', import.meta.url), 'utf8')
    const command = `sudo -n python3 -c '${program.replaceAll("'", String.raw`'\''`)}'`
    return (await remote(machine, keys, 'admin', command, lines.join('\n'))).toString().trim()
  }

  async function deltaOf(name: string, applier: Applier): Promise<Delta> {
    const [before, after] = await Promise.all([
      outcomes.get(`nothing ${applier}`),
      outcomes.get(`${name} ${applier}`),
    ])
    if (before === undefined || after === undefined) throw new Error(`no boot of ${name}`)
    return delta(before.files, after.files, new Map([...before.words, ...after.words]))
  }

  const used = new Set<object>()
  const unexpected = (name: string, system: ImageSystem, ours: Delta, theirs: Delta): object[] =>
    differences(ours, theirs).filter((found) => {
      const fitting = rules.filter((rule) => isExpected(rule, { name, system }, found))
      for (const rule of fitting) used.add(rule)
      return fitting.length === 0
    })

  test.each(systems)('is taken apart and merged as by %s', async (system) => {
    const outcome = await outcomes.get(`nothing ${system}`)
    const theirs = outcome?.answers.split('\n').map((line): unknown => JSON.parse(line)) ?? []
    const ours = await Promise.all(Object.values(forms).map(taken))
    const named = (all: readonly unknown[]): object =>
      Object.fromEntries(Object.keys(forms).map((name, index) => [name, all[index]]))
    expect(named(ours)).toEqual(named(theirs))
  })

  test.for(bootNames.flatMap((name) => systems.map((system) => [name, system] as const)))(
    '%s: files as on %s',
    async ([name, system]) => {
      const [ours, theirs] = await Promise.all([deltaOf(name, 'light'), deltaOf(name, system)])
      expect(theirs.changed.size).toBeGreaterThan(0)
      expect(unexpected(name, system, ours, theirs)).toEqual([])
    },
  )

  test.each(systems)('at its second boot the same parts run again as on %s', async (system) => {
    const [ours, theirs] = await Promise.all(
      (['light', system] as const).map(async (applier) => {
        const outcome = await outcomes.get(`${withEverything} ${applier}`)
        if (outcome?.again === undefined) throw new Error('not booted again')
        return { ...outcome, delta: delta(outcome.files, outcome.again, outcome.words) }
      }),
    )
    expect(ours && theirs && unexpected(withEverything, system, ours.delta, theirs.delta)).toEqual(
      [],
    )
    const first =
      'boothook bootcmd per-once per-boot per-instance 00-script 02-fails 90-script runcmd'
    expect(ours?.again?.get('opt/order')?.content.trim().split('\n')).toEqual(
      words(`${first} boothook bootcmd per-boot`),
    )
  })

  test('each of the listed differences is there', () => {
    expect(rules.filter((rule) => !used.has(rule))).toEqual([])
  })

  describeOn(withSystemd, 'and with systemd', () => {
    test('parts run in the same order, in the same environment', async () => {
      const [ours, theirs] = await Promise.all([
        outcomes.get(`${withEverything} debian-13`),
        outcomes.get(`${withEverything} systemd`),
      ])
      if (ours === undefined || theirs === undefined) throw new Error('no boot to compare with')
      const all = ({ files, words: own }: Outcome): Delta => delta(new Map(), files, own)
      const seen = differences(all(ours), all(theirs)).filter(({ path }) => path.startsWith('opt/'))
      expect(seen).toEqual([])
      expect(theirs.files.get('opt/order')?.content.split('\n')).toHaveLength(10)
    })
  })
})

function orderOf(userData: string, { userPublic }: Keys): ReturnType<typeof request> {
  const order = request(userData)
  // A way in, whatever the user-data says of keys.
  return { ...order, facts: { ...order.facts, keyPairs: [{ name: 'k', publicKey: userPublic }] } }
}

/** What stands for the keys, which are others each time. */
function wordsOf({ login, rsa, ecdsa, ed25519 }: Material): [string, string][] {
  const all: [string, string][] = [[login.split(' ')[1] ?? '', 'LOGIN']]
  for (const [name, key] of Object.entries({ RSA: rsa, ECDSA: ecdsa, ED25519: ed25519 })) {
    all.push(
      [key.private.trim(), `GIVEN ${name}`],
      [key.public.split(' ')[1] ?? '', `GIVEN ${name}`],
    )
  }
  return all
}

/** Our side of what oracle.py tells. */
async function taken(form: string | Uint8Array): Promise<unknown> {
  const { parts } = await parseUserData(Buffer.from(form as Uint8Array))
  const { config } = mergedConfig(parts.filter(({ kind }) => kind === 'cloud-config'))
  const files = (wanted: string): Record<string, string> =>
    Object.fromEntries(
      parts
        .filter(({ kind }) => kind === wanted)
        .map(({ name, bytes }) => [name, Buffer.from(bytes).toString('base64')]),
    )
  const found: Record<string, unknown> = {
    config: JSON.parse(JSON.stringify(config)),
    scripts: files('script'),
    boothooks: files('boothook'),
    perBoot: files('script-per-boot'),
    perInstance: files('script-per-instance'),
    perOnce: files('script-per-once'),
  }
  return Object.fromEntries(
    Object.entries(found).filter(([, what]) => what && Object.keys(what).length > 0),
  )
}

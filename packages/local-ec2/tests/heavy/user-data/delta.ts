/** What a boot adds to the files of a machine, changes and removes, and how two of that differ. */
import type { Entry, Snapshot } from './snapshot.ts'

type Aspects = Readonly<Record<string, string>>

/** By path. */
export interface Delta {
  /** What has become of those that changed. */
  changed: ReadonlyMap<string, Aspects>
  /** What all of them are now. */
  now: ReadonlyMap<string, Aspects>
}

/** @param common words of this machine that are others on another one, by what stands for them */
export function delta(
  before: Snapshot,
  after: Snapshot,
  common: ReadonlyMap<string, string>,
): Delta {
  const changed = new Map<string, Aspects>()
  const now = new Map<string, Aspects>()
  for (const path of new Set([...before.keys(), ...after.keys()])) {
    const is = aspects(path, after.get(path), common)
    const how = between(aspects(path, before.get(path), common), is)
    now.set(plain(path, common), is)
    if (Object.keys(how).length > 0) changed.set(plain(path, common), how)
  }
  return { changed, now }
}

function plain(text: string, common: ReadonlyMap<string, string>): string {
  let result = text
  for (const [word, instead] of common) result = result.replaceAll(word, instead)
  return result
}

function aspects(
  path: string,
  entry: Entry | undefined,
  common: ReadonlyMap<string, string>,
): Aspects {
  if (entry === undefined) return absent
  const { type, mode, owner, group, content } = entry
  return {
    type,
    mode: isHome(path) ? 'as login.defs says' : mode,
    owner: `${owner}:${group}`,
    content: readable(path, plain(content, common)),
  }
}

const absent: Aspects = { type: 'absent' }

const isHome = (path: string): boolean => /^(home\/[^/]+|opt\/eve|srv\/uid)$/.test(path)

function between(old: Aspects, is: Aspects): Aspects {
  if (old['type'] !== is['type']) return is
  const changed = Object.keys(is).filter((name) => old[name] !== is[name])
  return Object.fromEntries(
    changed.map((name) => [
      name,
      name === 'content' ? lines(old[name] ?? '', is[name] ?? '') : (is[name] ?? ''),
    ]),
  )
}

/** Lines that went, and lines that came. */
function lines(was: string, is: string): string {
  const [old, young] = [was.split('\n'), is.split('\n')]
  const gone = old.filter((line) => !young.includes(line)).map((line) => `- ${line}`)
  const come = young.filter((line) => !old.includes(line)).map((line) => `+ ${line}`)
  return [...gone, ...come].join('\n')
}

/**
 * Without what means the same: the order of what has none, the numbers that accounts get, days, versions, keys that
 * nobody gave; and of the default user no more than that it is there, because an image and this computer give it
 * other groups.
 */
function readable(path: string, content: string): string {
  switch (path) {
    case 'etc/passwd':
    case 'etc/group':
    case 'etc/shadow':
    case 'etc/gshadow':
      return content
        .replaceAll(/^admin:.*$/gm, 'admin')
        .replaceAll(/:(?:\d{1,3}|10\d\d)\b/g, ':#')
        .replaceAll(/^(\w+:[^:\n]*):\d{5}:/gm, '$1:DAY:')
        .replaceAll(/\$y\$\S+?:/g, 'HASH:')
        .replaceAll(/:[^:\n]*$/gm, (members) => `:${others(members.slice(1))}`)
    case 'etc/sudoers.d/90-cloud-init-users':
      return content.replaceAll(/^# (?:Created by|User rules for admin).*\n/gm, '')
    default:
      if (path.endsWith('/authorized_keys')) return content.split('\n').toSorted().join('\n')
      if (/^etc\/ssh\/ssh_host_\w+_key(\.pub)?$/.test(path) && !content.includes('GIVEN')) {
        return 'made here'
      }
      return content
  }
}

const others = (members: string): string =>
  members
    .split(',')
    .filter((name) => name !== 'admin')
    .toSorted()
    .join(',')

export interface Difference {
  path: string
  /** The aspect: `type`, `mode`, `owner` or `content`. */
  what: string
  light: string | undefined
  real: string | undefined
}

/** Where they are not the same now, and what has become of it is not the same either. */
export function differences(light: Delta, real: Delta): Difference[] {
  const paths = new Set([...light.changed.keys(), ...real.changed.keys()])
  return [...paths].toSorted().flatMap((path) => {
    const [ours, theirs] = [light, real].map((of) => ({
      how: of.changed.get(path),
      is: of.now.get(path) ?? absent,
    }))
    const differs = (what: string): boolean =>
      ours?.how?.[what] !== theirs?.how?.[what] && ours?.is[what] !== theirs?.is[what]
    // Of what only one of them has, that it has it says enough.
    const names = differs('type') ? ['type'] : ['mode', 'owner', 'content'].filter(differs)
    return names.map((what) => ({
      path,
      what,
      light: ours?.how?.[what],
      real: theirs?.how?.[what],
    }))
  })
}

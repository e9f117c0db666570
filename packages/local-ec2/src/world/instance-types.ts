/** The types of us-east-1 without accelerators, with their real facts. */
import { compute } from './instance-types/compute.ts'
import type { Family } from './instance-types/family.ts'
import { general } from './instance-types/general.ts'
import { memory } from './instance-types/memory.ts'
import { type InstanceType, readRow } from './instance-types/row.ts'
import { storage } from './instance-types/storage.ts'

export type { InstanceType } from './instance-types/row.ts'

export type Architecture = InstanceType['architecture']

interface Catalogue {
  get: (name: string) => InstanceType | undefined
  has: (name: string) => boolean
  values: () => Iterable<InstanceType>
}

interface Entry {
  family: Family
  row: string
  order: number
  type?: InstanceType
}

let entries: ReadonlyMap<string, Entry> | undefined

/** By name. A row is read when it is first asked for: most runs need one or two of hundreds. */
export const instanceTypes: Catalogue = {
  get: (name) => {
    const entry = table().get(name)
    return entry && typeOf(entry)
  },
  has: (name) => table().has(name),
  *values() {
    for (const entry of table().values()) yield typeOf(entry)
  },
}

function table(): ReadonlyMap<string, Entry> {
  if (entries !== undefined) return entries
  const found = new Map<string, Entry>()
  for (const family of [...general, ...compute, ...memory, ...storage]) {
    for (const row of family.rows.trim().split('\n')) {
      const [size] = row.trim().split(' ', 1)
      found.set(`${family.name}.${size}`, { family, row, order: found.size })
    }
  }
  entries = found
  return found
}

function typeOf(entry: Entry): InstanceType {
  entry.type ??= readRow(entry.family, entry.row, entry.order)
  return entry.type
}

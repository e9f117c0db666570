/** What lies in a folder of this computer, to be compared. */
import { createHash } from 'node:crypto'
import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs'
import path from 'node:path'

export interface Leaf {
  readonly type: 'file' | 'folder' | 'link'
  readonly mode: number
  /** Of links as well. */
  readonly mtimeNs: bigint
  /** SHA-256 of a file, target of a link. */
  readonly content: string
}

/** By name, latin1 for bytes; the folder itself is ''. */
export function leaves(folder: string): Map<string, Leaf> {
  const found = new Map<string, Leaf>()
  const walk = (name: string): void => {
    const at = Buffer.concat([Buffer.from(`${folder}/`), Buffer.from(name, 'latin1')])
    const stats = lstatSync(at, { bigint: true })
    const type = stats.isDirectory() ? 'folder' : stats.isSymbolicLink() ? 'link' : 'file'
    const content = {
      folder: () => '',
      link: () => readlinkSync(at, 'latin1'),
      file: () => createHash('sha256').update(readFileSync(at)).digest('hex'),
    }[type]()
    const mode = Number(stats.mode) & 0o7777
    found.set(name, { type, mode, mtimeNs: stats.mtimeNs, content })
    if (type !== 'folder') return
    for (const child of readdirSync(at, 'latin1').toSorted()) {
      walk(name === '' ? child : `${name}/${child}`)
    }
  }
  walk('')
  return found
}

/** Only their names. Node's own recursive listing follows links. */
export function names(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true, encoding: 'latin1' })
    .flatMap((entry) => {
      if (!entry.isDirectory()) return [entry.name]
      const inside = names(path.join(folder, entry.name))
      return [entry.name, ...inside.map((name) => `${entry.name}/${name}`)]
    })
    .toSorted()
}

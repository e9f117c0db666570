/**
 * What must be copied so that a package runs on another computer: its own files, those of everything it depends on,
 * and the links by which a package manager ties them together. Paths stay as they are, so that npm's nested and pnpm's
 * linked layout both resolve on the machine as they do here.
 */
import { existsSync, lstatSync, readFileSync, readdirSync, realpathSync } from 'node:fs'
import { dirname, join, sep } from 'node:path'

/** One package with its real folder. */
interface PackageFiles {
  /** Without symbolic links. */
  readonly folder: string
  /** Absolute paths of its files and links; no folders. */
  readonly files: readonly string[]
}

export interface Closure {
  readonly packages: readonly PackageFiles[]
  /** Links outside the packages that lead to them. */
  readonly links: readonly string[]
}

/** The folder of the package that a file belongs to; undefined when no package.json above it has a name. */
export function packageFolder(file: string): string | undefined {
  const at = file.lastIndexOf(`${sep}node_modules${sep}`)
  if (at >= 0) {
    // By its path: packages have further package.json files inside, some of them with a name.
    const home = file.slice(0, at + `${sep}node_modules${sep}`.length)
    const [scope = '', name = ''] = file.slice(home.length).split(sep)
    return join(home, scope, scope.startsWith('@') ? name : '')
  }
  for (let folder = dirname(file); ; folder = dirname(folder)) {
    if (readManifest(folder)?.name !== undefined) return folder
    if (folder === dirname(folder)) return undefined
  }
}

/**
 * Everything that packages need at run time.
 *
 * @param known folders that are there already; they and what they lead to are left out, and what is found is added
 */
export function dependencyClosure(folders: readonly string[], known: Set<string>): Closure {
  const packages: PackageFiles[] = []
  const links = new Set<string>()
  const visit = (folder: string): void => {
    if (lstatSync(folder).isSymbolicLink()) links.add(folder)
    const real = realpathSync(folder)
    if (known.has(real)) return
    known.add(real)
    packages.push({ folder: real, files: listFiles(real) })
    for (const name of dependencyNames(real)) {
      const dependency = findDependency(real, name)
      if (dependency !== undefined) visit(dependency)
    }
  }
  for (const folder of folders) visit(folder)
  return { packages, links: [...links] }
}

/** The real folders that a package leads to, itself included, without looking at their files. */
export function dependencyFolders(folder: string): Set<string> {
  const found = new Set<string>()
  const visit = (next: string): void => {
    const real = realpathSync(next)
    if (found.has(real)) return
    found.add(real)
    for (const name of dependencyNames(real, next === folder)) {
      const dependency = findDependency(real, name)
      if (dependency !== undefined) visit(dependency)
    }
  }
  visit(folder)
  return found
}

interface Manifest {
  readonly name?: string
  readonly dependencies?: Record<string, string>
  readonly devDependencies?: Record<string, string>
  readonly optionalDependencies?: Record<string, string>
  readonly peerDependencies?: Record<string, string>
}

function readManifest(folder: string): Manifest | undefined {
  try {
    const manifest: Manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
    return manifest
  } catch {
    return undefined
  }
}

function dependencyNames(folder: string, development = false): string[] {
  const manifest = readManifest(folder)
  const names = Object.keys({
    ...manifest?.dependencies,
    ...manifest?.optionalDependencies,
    ...manifest?.peerDependencies,
    ...(development ? manifest?.devDependencies : {}),
  })
  // The worker on the machine answers for Vitest itself; Vite and types are never loaded there.
  return names.filter((name) => !/^(?:vitest|vite|@vitest\/.*|@types\/.*)$/.test(name))
}

/** As Node looks for it: the nearest `node_modules` upwards that has it. */
function findDependency(from: string, name: string): string | undefined {
  for (let folder = from; ; folder = dirname(folder)) {
    const found = join(folder, 'node_modules', name)
    if (existsSync(join(found, 'package.json'))) return found
    if (folder === dirname(folder)) return undefined
  }
}

function listFiles(folder: string): string[] {
  const files: string[] = []
  const walk = (at: string): void => {
    for (const entry of readdirSync(at, { withFileTypes: true })) {
      const path = join(at, entry.name)
      if (entry.name === '.git') continue
      // Dependencies are packages of their own; deeper down, vendored ones are plain files.
      if (entry.name === 'node_modules' && at === folder) continue
      if (entry.isDirectory()) walk(path)
      else if (entry.isFile() || entry.isSymbolicLink()) files.push(path)
    }
  }
  walk(folder)
  return files
}

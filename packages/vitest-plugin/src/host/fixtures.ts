/** Which files the option `files` names. Links are followed: what they lead to need not lie where a machine has it. */
import { globSync, lstatSync, realpathSync, statSync, type Stats } from 'node:fs'
import { dirname, join } from 'node:path'

import { PluginError } from '../errors.ts'

/**
 * @param patterns relative to `root`; a folder stands for all that is in it
 * @returns by absolute path what changes when a file does
 * @throws {PluginError} `SHIP_FAILED` when a pattern matches nothing or a link leads nowhere
 */
export function fixturesOf(root: string, patterns: readonly string[]): Map<string, string> {
  const versions = new Map<string, string>()
  for (const pattern of patterns) {
    const found = matching(root, [pattern, `${pattern}/**`])
    if (found.length === 0) throw matchesNothing(root, pattern)
    for (const path of found) add(path, versions)
  }
  return versions
}

function add(path: string, versions: Map<string, string>): void {
  if (versions.has(path)) return
  const stats = targetOf(path)
  if (stats.isFile()) versions.set(path, `${stats.size} ${stats.mtimeMs}`)
  else if (stats.isDirectory() && lstatSync(path).isSymbolicLink()) {
    if (leadsUp(path)) throw badLink(path, 'leads to a folder that it lies in')
    // `**` goes through no link.
    for (const inner of matching(path, ['**'])) if (inner !== path) add(inner, versions)
  }
}

function matching(folder: string, patterns: string[]): string[] {
  const exclude = ['**/node_modules/**', '**/.git/**']
  return globSync(patterns, { cwd: folder, exclude }).map((name) => join(folder, name))
}

function targetOf(path: string): Stats {
  try {
    return statSync(path)
  } catch (error) {
    if (lstatSync(path).isSymbolicLink()) throw badLink(path, 'leads to nothing', error)
    throw error
  }
}

/** Whether following a link would never end. The folders around it may be links themselves. */
function leadsUp(link: string): boolean {
  const target = realpathSync(link)
  for (let folder = dirname(link); ; folder = dirname(folder)) {
    if (realpathSync(folder) === target) return true
    if (folder === dirname(folder)) return false
  }
}

function matchesNothing(root: string, pattern: string): PluginError {
  return new PluginError(
    'SHIP_FAILED',
    `'${pattern}' of the option 'files' matches nothing in ${root}`,
    { hint: 'Patterns are relative to the root of the project.' },
  )
}

function badLink(path: string, where: string, cause?: unknown): PluginError {
  const message = `the option 'files' names the link ${path}, which ${where}`
  return new PluginError('SHIP_FAILED', message, {
    hint: 'Remove the link, or name files beside it.',
    cause,
  })
}

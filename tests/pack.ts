/** The packages as a user gets them: built, packed, and installed from the archives into a folder of its own. */
import { execFile, type ExecFileException } from 'node:child_process'
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'

import { parse } from 'yaml'

const root = path.join(import.meta.dirname, '..')
const run = promisify(execFile)

export interface Installed extends Disposable {
  readonly folder: string
  /** Runs a program of the installed packages, such as `vitest`. Never rejects. */
  exec(
    program: string,
    args: readonly string[],
    env?: Record<string, string>,
  ): Promise<{ code: number; stdout: string; stderr: string }>
}

/** Builds and packs all three. @returns paths of the archives by package name */
export async function packAll(folder: string): Promise<Map<string, string>> {
  await run('pnpm', ['--recursive', '--filter', './packages/*', 'run', 'build'], { cwd: root })
  const archives = new Map<string, string>()
  for (const name of readdirSync(path.join(root, 'packages'))) {
    const cwd = path.join(root, 'packages', name)
    // oxlint-disable-next-line no-await-in-loop -- three quick ones
    await run('pnpm', ['pack', '--out', path.join(folder, `${name}.tgz`)], { cwd })
    archives.set(`@benchaway/${name}`, path.join(folder, `${name}.tgz`))
  }
  return archives
}

/** Copies an example into a new folder whose name has a space, and installs it with `npm` or `pnpm`. */
export async function install(
  example: string,
  archives: ReadonlyMap<string, string>,
  client: 'npm' | 'pnpm',
): Promise<Installed> {
  const folder = mkdtempSync(path.join(tmpdir(), 'a user of benchaway '))
  const source = path.join(root, 'examples', example)
  cpSync(source, folder, {
    recursive: true,
    filter: (file) => !path.relative(source, file).split(path.sep).includes('node_modules'),
  })
  const manifest = path.join(folder, 'package.json')
  const read = JSON.parse(readFileSync(manifest, 'utf8'))
  const { catalog } = parse(readFileSync(path.join(root, 'pnpm-workspace.yaml'), 'utf8'))
  const packed = Object.fromEntries(
    Array.from(archives, ([name, archive]) => [name, `file:${archive}`]),
  )
  const versions = (given: Record<string, string> = {}): Record<string, string> =>
    Object.fromEntries(
      Object.keys(given).map((name) => [name, packed[name] ?? String(catalog[name])]),
    )
  writeFileSync(
    manifest,
    JSON.stringify({
      ...read,
      dependencies: versions(read.dependencies),
      // The packages depend on each other by version, which no registry has yet.
      devDependencies: { ...versions(read.devDependencies), ...packed },
    }),
  )
  if (client === 'npm') {
    await run('npm', ['install', '--no-audit', '--no-fund', '--prefer-offline'], { cwd: folder })
  } else {
    const overrides = Object.entries(packed).map(([name, at]) => `  '${name}': '${at}'`)
    writeFileSync(
      path.join(folder, 'pnpm-workspace.yaml'),
      [
        'packages: []',
        'overrides:',
        ...overrides,
        'allowBuilds:',
        '  ssh2: false',
        '  cpu-features: false',
        '',
      ].join('\n'),
    )
    await run('pnpm', ['install', '--prefer-offline'], { cwd: folder })
  }
  const { NODE_OPTIONS: _, ...inherited } = process.env
  return {
    folder,
    exec: (program, args, env = {}) =>
      run(path.join(folder, 'node_modules', '.bin', program), args, {
        cwd: folder,
        env: { ...inherited, NO_COLOR: '1', ...env },
        maxBuffer: 64 * 1024 * 1024,
      }).then(
        ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
        (error: ExecFileException & { stdout: string; stderr: string }) => ({
          code: Number(error.code ?? 1),
          stdout: error.stdout,
          stderr: error.stderr,
        }),
      ),
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  }
}

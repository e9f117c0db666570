/** Which variables a worker on a machine gets. The developer's environment is full of secrets, so it is an allowlist. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseEnv } from 'node:util'

// What Vitest itself sets for its workers, and what decides how output looks.
const ofVitest =
  /^(?:VITEST|VITEST_(?:MODE|POOL_ID|WORKER_ID)|TEST|NODE_ENV|MODE|DEV|PROD|SSR|BASE_URL|TZ|NO_COLOR|FORCE_COLOR|FORCE_TTY)$/
// Vite calls these public: they may be in the code that it sends to every visitor of a page.
const publicByVite = /^VITE_/
const never = /^AWS_/i

type Variables = Readonly<Record<string, string | boolean | undefined>>

/**
 * The environment of the worker process.
 *
 * @param env what Vitest would give to a worker on this computer: the whole environment
 * @param allowed names that the user listed
 */
export function workerEnvironment(
  env: Variables,
  allowed: readonly string[],
): Record<string, string> {
  const kept: Record<string, string> = {}
  for (const [name, value] of Object.entries(env)) {
    if (typeof value === 'string' && mayGo(name, allowed)) kept[name] = value
  }
  return kept
}

/**
 * What of `test.env` may go. It is written down by the user, so it goes, except for what merely repeats the
 * environment of this process or a `.env` file: `loadEnv(mode, cwd, '')`, which many configs have, copies all of that.
 *
 * @param folders where `.env` files lie, of whatever mode
 */
export function configEnvironment<T extends Variables>(
  configured: T,
  allowed: readonly string[],
  folders: readonly string[],
  env: Variables = process.env,
): Partial<T> {
  const kept: Partial<T> = {}
  const inFiles = folders.flatMap((folder) => envFiles(folder))
  for (const name in configured) {
    const value = configured[name]
    const repeated = value === env[name] || inFiles.some((file) => mayComeFrom(file[name], value))
    if (!never.test(name) && (!repeated || mayGo(name, allowed))) kept[name] = value
  }
  return kept
}

/** Whether a value is what a file says, or what Vite may have made of it: `$` stands for other variables. */
function mayComeFrom(written: string | undefined, value: unknown): boolean {
  return written !== undefined && (written === value || written.includes('$'))
}

function envFiles(folder: string): NodeJS.Dict<string>[] {
  return filesOf(folder).flatMap((name) => {
    try {
      return [parseEnv(readFileSync(join(folder, name), 'utf8'))]
    } catch {
      // Vite could not read it either.
      return []
    }
  })
}

function filesOf(folder: string): string[] {
  try {
    return readdirSync(folder).filter((name) => name === '.env' || name.startsWith('.env.'))
  } catch {
    return []
  }
}

function mayGo(name: string, allowed: readonly string[]): boolean {
  if (never.test(name)) return false
  return ofVitest.test(name) || publicByVite.test(name) || allowed.includes(name)
}

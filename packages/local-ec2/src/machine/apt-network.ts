import { execFileSync } from 'node:child_process'

/** How apt reaches the network on this computer (proxies, above all), as lines of its configuration. */
export function aptNetwork(): string[] {
  try {
    const told = execFileSync('apt-config', ['dump', '--no-empty'], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    return told
      .split('\n')
      .filter((line) => /^Acquire::(?:https?::|ForceIPv[46] |Retries )/.test(line))
  } catch {
    // Without apt here there is nothing that it is told.
    return []
  }
}

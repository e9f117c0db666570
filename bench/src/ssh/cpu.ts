import { readFileSync } from 'node:fs'

// Linux has a hundred ticks a second everywhere.
const msPerTick = 10

/** What this process has used, and what those of its children have that are gone, in milliseconds. */
export function ownCpuMs(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000 + childrenCpuMs()
}

export function childrenCpuMs(): number {
  const fields = stat('self')
  return (Number(fields[13]) + Number(fields[14])) * msPerTick
}

export function cpuMsOf(pid: number): number {
  const fields = stat(String(pid))
  return (Number(fields[11]) + Number(fields[12])) * msPerTick
}

/** From the third field on: the second one, a name, may contain anything. */
function stat(process: string): string[] {
  return readFileSync(`/proc/${process}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? []
}

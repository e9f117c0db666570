/** Where our side spends its time, of the profiles that V8 wrote while it was timed. */
import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'

interface Profile {
  nodes: {
    id: number
    callFrame: { functionName: string; url: string; lineNumber: number }
  }[]
  samples: number[]
  timeDeltas: number[]
}

const most = 25

/** Functions by the time that they take themselves, without what they call, of all profiles in a folder. */
export function hottest(folder: string): string[] {
  const times = new Map<string, number>()
  for (const file of readdirSync(folder)) {
    const profile: Profile = JSON.parse(readFileSync(path.join(folder, file), 'utf8'))
    const names = new Map(profile.nodes.map(({ id, callFrame }) => [id, nameOf(callFrame)]))
    for (const [index, id] of profile.samples.entries()) {
      const name = names.get(id) ?? ''
      times.set(name, (times.get(name) ?? 0) + (profile.timeDeltas[index] ?? 0))
    }
  }
  const total = [...times.values()].reduce((sum, time) => sum + time, 0)
  return [...times]
    .toSorted(([, a], [, b]) => b - a)
    .slice(0, most)
    .map(([name, time]) => `  ${((time / total) * 100).toFixed(1).padStart(5)} %  ${name}`)
}

function nameOf({ functionName, url, lineNumber }: Profile['nodes'][0]['callFrame']): string {
  const place = url === '' ? '' : ` (${path.basename(url)}:${lineNumber + 1})`
  return `${functionName === '' ? 'anonymous' : functionName}${place}`
}

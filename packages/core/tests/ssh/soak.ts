/** So many short commands, one after the other and eight at once, in a process of its own whose memory is measured. */
import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'

import { type Connection, connect } from '../../src/ssh/connection.ts'
import { exec } from '../../src/ssh/exec.ts'
import { stream } from '../../src/ssh/stream.ts'
import { commandsOf } from './processes.ts'

export interface SoakInput {
  readonly target: {
    readonly host: string
    readonly port: number
    readonly user: string
    readonly privateKey: string
    /** Base64. */
    readonly hostKey: string
  }
  readonly commands: number
}

export interface SoakReport {
  readonly done: number
  /** Before and after, once everything is collected, in bytes. */
  readonly heap: readonly [number, number]
  readonly listeners: readonly [number, number]
  /** What keeps Node alive. */
  readonly resources: readonly [number, number]
  /** Channels that are open here. */
  readonly channels: readonly [number, number]
  /** Processes that sshd still has for us. */
  readonly processes: number
}

const options = [
  {},
  { timeoutMs: 60_000 },
  { signal: new AbortController().signal },
  { stdin: 'in' },
  { env: { A: 'b' } },
]

const warmUp = 1000
let done = 0

async function run(connection: Connection, index: number): Promise<void> {
  done++
  if (index % 50 === 49) {
    for await (const { line } of stream(connection, 'echo a; echo b')) if (line === 'a') break
    return
  }
  const wanted = index % 3
  const { exitCode } = await exec(connection, `exit ${wanted}`, {
    ...options[index % options.length],
    check: false,
  })
  if (exitCode !== wanted) throw new Error(`exit code ${exitCode} instead of ${wanted}`)
}

/** By turns ten in sequence and forty of which eight run at a time. */
async function many(connection: Connection, count: number): Promise<void> {
  const rounds = Math.ceil(count / 50)
  for (let round = 0; round < rounds; round++) {
    const left = Array.from({ length: 50 }, (_, index) => round * 50 + index)
    const worker = async (until: number): Promise<void> => {
      while (left.length > until) {
        const index = left.shift()
        // oxlint-disable-next-line no-await-in-loop -- one after the other
        if (index !== undefined && index < count) await run(connection, index)
      }
    }
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    await worker(40)
    // oxlint-disable-next-line no-await-in-loop -- eight at a time
    await Promise.all(Array.from({ length: 8 }, () => worker(0)))
  }
}

async function main(): Promise<void> {
  const input: SoakInput = JSON.parse(readFileSync(0, 'utf8'))
  const { hostKey, ...target } = input.target
  const where = { ...target, hostKey: Buffer.from(hostKey, 'base64') }
  const connection = await connect(where, { lingerMs: 0 })
  const server = Number((await exec(connection, 'echo $PPID')).stdout)
  const client = await connection.client()
  const measure = async (): Promise<readonly [number, number, number, number]> => {
    await exec(connection, 'true')
    // A command that is killed holds its place for a while, and on a busy computer another connection is made for the ninth.
    while (connections() > 1) await sleep(10)
    globalThis.gc?.()
    const listeners = client.eventNames().reduce((sum, name) => sum + client.listenerCount(name), 0)
    const resources = process.getActiveResourcesInfo().length
    return [process.memoryUsage().heapUsed, listeners, resources, channelsOf(client)]
  }
  // What the engine compiles and ssh2 allocates once is no growth.
  await many(connection, warmUp)
  const before = await measure()
  await many(connection, input.commands)
  const after = await measure()
  const report: SoakReport = {
    done: done - warmUp,
    heap: [before[0], after[0]],
    listeners: [before[1], after[1]],
    resources: [before[2], after[2]],
    channels: [before[3], after[3]],
    processes: commandsOf(server),
  }
  process.stdout.write(`${JSON.stringify(report)}\n`)
  connection.close()
}

function connections(): number {
  return process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap').length
}

/** ssh2 keeps them to itself. */
function channelsOf(client: object): number {
  const manager: unknown = Reflect.get(client, '_chanMgr')
  return Object.keys(Reflect.get(manager as object, '_channels') as object).length
}

await main()

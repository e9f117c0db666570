/** moto's server in a process of its own. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'

import type { LocalEc2 } from '../../src/server.ts'
import { region } from '../../src/world/network.ts'
import { clientEnvironment } from './client-environment.ts'

export interface Moto
  extends Pick<LocalEc2, 'endpoint' | 'region' | 'credentials'>, AsyncDisposable {}

/** On a free port of 127.0.0.1, with an account that is empty but for what moto puts there. */
export async function startMoto(python: string): Promise<Moto> {
  const credentials = { accessKeyId: 'testing', secretAccessKey: 'testing' }
  const nowhere = { endpoint: 'http://127.0.0.1:9', region, credentials }
  const child = spawn(python, ['-m', 'moto.server', '-H', '127.0.0.1', '-p', '0'], {
    env: clientEnvironment(nowhere),
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  const endpoint = await addressOf(child)
  return {
    endpoint,
    region,
    credentials,
    async [Symbol.asyncDispose]() {
      if (child.exitCode !== null) return
      const ended = once(child, 'exit')
      child.kill()
      await ended
    },
  }
}

async function addressOf({ stderr }: ChildProcess): Promise<string> {
  if (stderr === null) throw new TypeError('no pipe')
  const said: string[] = []
  let address: string | undefined
  for await (const line of createInterface(stderr)) {
    said.push(line)
    address = /Running on (http:\/\/127\.0\.0\.1:\d+)/.exec(line)?.[1]
    if (address !== undefined) break
  }
  if (address === undefined) throw new Error(`moto ended: ${said.join('\n')}`)
  // It logs every request: a full pipe would stop it.
  stderr.resume()
  return address
}

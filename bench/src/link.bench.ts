/** A link with conditions, beside what was asked and beside a machine that has none. */
import { readdirSync, readFileSync } from 'node:fs'
import net from 'node:net'

import { type Instance, openFleet } from '@benchaway/core'
import { startLocalEc2 } from '@benchaway/local-ec2'

import { type Pair, timed } from './paired.ts'

const port = 5000
const bytes = 64 << 20
const roundTripMs = 50

/** Takes what it is sent, and says when it has all of it. */
const sink = `
import socket, threading
def take(client):
    buffer = bytearray(1 << 20)
    while client.recv_into(buffer): pass
    client.close()
server = socket.create_server(("", ${port}))
print("listens", flush=True)
while True: threading.Thread(target=take, args=(server.accept()[0],)).start()`

const local = await startLocalEc2()
const fleet = await openFleet({ project: 'bench', target: local })
const [far, near] = await Promise.all([launch(), launch()])

async function launch(): Promise<Instance> {
  const type = process.arch === 'arm64' ? 'm7g.large' : 'm7i.large'
  const instance = await fleet.launch({ type })
  const command = `nohup python3 -c '${sink}' >/tmp/sink 2>&1 </dev/null &
    until grep -q listens /tmp/sink; do sleep .05; done`
  await instance.exec(command)
  return instance
}

/** Until the kernel of the machine has refused a connection. */
const refusal = ({ publicIp }: Instance): Promise<number> =>
  timed(
    () =>
      new Promise((resolve) => {
        net.connect(9, publicIp).on('error', resolve)
      }),
  )

/** Until the other end has taken all and closed. */
const copy = ({ publicIp }: Instance): Promise<number> =>
  timed(
    () =>
      new Promise((resolve, reject) => {
        const socket = net.connect({ port, host: publicIp, allowHalfOpen: true })
        socket.on('error', reject).on('end', resolve).resume()
        socket.end(Buffer.alloc(bytes))
      }),
  )

const copies: number[] = []
let relayMs = 0

export const pairs: Pair[] = [
  {
    case: `a round trip, ${roundTripMs} ms asked`,
    peerName: 'asked, and without a link',
    rounds: 25,
    goal: (peer) => (peer + 1) / peer,
    async ours() {
      await local.link(far.id, { roundTripMs })
      return refusal(far)
    },
    peer: async () => roundTripMs + (await refusal(near)),
  },
  {
    case: '64 MiB over TCP, 1 ms asked',
    peerName: 'without a link',
    rounds: 9,
    goal: (peer) => bytes / 150_000 / peer,
    async ours() {
      await local.link(far.id, { roundTripMs: 1 })
      const before = relayTimeMs()
      const ms = await copy(far)
      relayMs += relayTimeMs() - before
      copies.push(ms)
      return ms
    },
    peer: () => copy(near),
  },
]

export const notes = (): string[] => {
  const gigabytes = (bytes * copies.length) / 1e9
  const fastest = bytes / 1000 / Math.min(...copies)
  return [
    `through the link up to ${fastest.toFixed(0)} MB/s, with ${(relayMs / 1000 / gigabytes).toFixed(1)} s of a processor for a GB`,
  ]
}

export async function close(): Promise<void> {
  await fleet.close()
  await local.close()
}

/** What the program that the link leads through has used of the processors. */
function relayTimeMs(): number {
  const stats = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && isRelay(Number(name)))
    .map((pid) => stat(Number(pid)))
  // In ticks, of which Linux has a hundred a second everywhere.
  return stats.reduce((sum, fields) => sum + Number(fields[11]) + Number(fields[12]), 0) * 10
}

function isRelay(pid: number): boolean {
  try {
    const [program = '', ...rest] = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')
    return program === 'python3' && rest.some((each) => each.endsWith('relay.py')) && isBelow(pid)
  } catch {
    // It has ended meanwhile.
    return false
  }
}

const isBelow = (pid: number): boolean =>
  pid === process.pid || (pid > 1 && isBelow(Number(stat(pid)[1])))

const stat = (pid: number): string[] =>
  readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? []

/** What root sees of machines' network without asking the machines: from this computer, and from their namespaces. */
import { execFile } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'

const exec = promisify(execFile)

/** How long it takes until the kernel of a machine refuses a connection, in milliseconds; `undefined` after `patienceMs`. */
export function refusal(address: string, patienceMs = 5000): Promise<number | undefined> {
  const begin = performance.now()
  return new Promise((resolve) => {
    const socket = connect({ host: address, port: 9, signal: AbortSignal.timeout(patienceMs) })
    socket.on('error', (error) => {
      resolve(error.name === 'AbortError' ? undefined : performance.now() - begin)
    })
  })
}

/** Sends that many UDP packets to a port on which nobody listens; resolves when they have left. */
export async function sendPackets(address: string, count: number): Promise<void> {
  const socket = createSocket('udp4')
  for (let sent = 0; sent < count; sent++) {
    // oxlint-disable no-await-in-loop -- in their order, and no queue on the way is to overflow
    await new Promise((resolve) => {
      socket.send('x', 9, address, resolve)
    })
    if (sent % 50 === 49) await sleep(1)
    // oxlint-enable no-await-in-loop
  }
  socket.close()
}

/** How many such packets have arrived at a machine since it was powered. */
export async function packetsAt(id: string): Promise<number> {
  const [names = [], values = []] = (await inNetworkOf(id, 'grep ^Udp: /proc/net/snmp'))
    .split('\n')
    .map((line) => line.split(' '))
  return Number(values[names.indexOf('NoPorts')])
}

/** How long a connection from a machine takes to be accepted or refused, in milliseconds. */
export async function connectMs(id: string, address: string, port: number): Promise<number> {
  const clock = '${EPOCHREALTIME/./}'
  const script = `b=${clock}; (</dev/tcp/${address}/${port}) 2>/dev/null; echo $((${clock} - b))`
  return Number(await inNetworkOf(id, script)) / 1000
}

/** Runs a command of this computer with the network of a machine. */
export async function inNetworkOf(id: string, script: string): Promise<string> {
  const file = fabrics()
    .map((pid) => `/proc/${pid}/root/run/netns/${id}`)
    .find((path) => existsSync(path))
  const { stdout } = await exec('nsenter', [`--net=${file}`, 'bash', '-c', script])
  return stdout
}

/** Network devices between the machines of this process. */
export async function devices(): Promise<string[]> {
  const lists = await Promise.all(
    fabrics().map((pid) => exec('nsenter', ['-t', String(pid), '-n', 'ip', '-json', 'link'])),
  )
  return lists.flatMap(({ stdout }) => {
    const links: { ifname: string }[] = JSON.parse(stdout)
    return links.map(({ ifname }) => ifname)
  })
}

/** The programs that links of this process lead through. */
export const relays = (): number[] => running('relay.py')

/** The processes that hold machines of this process. */
const fabrics = (): number[] => running('fabric/main.ts')

/** Processes below this one that run that script. */
function running(script: string): number[] {
  const parents = new Map<number, number>()
  for (const pid of readdirSync('/proc').map(Number).filter(Number.isInteger)) {
    parents.set(pid, Number(read(`${pid}/stat`).split(') ').at(-1)?.split(' ')[1]))
  }
  const isOurs = (pid: number | undefined): boolean =>
    pid === process.pid || (pid !== undefined && isOurs(parents.get(pid)))
  return [...parents.keys()].filter((pid) => {
    const [program = '', ...rest] = read(`${pid}/cmdline`).split('\0')
    // Those that start it have its path among their arguments, too.
    const argument = rest.find((each) => each.startsWith('/')) ?? ''
    return /node|python/.test(program) && argument.endsWith(script) && isOurs(pid)
  })
}

function read(name: string): string {
  try {
    return readFileSync(`/proc/${name}`, 'utf8')
  } catch {
    return ''
  }
}

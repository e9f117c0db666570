/**
 * Networks of their own for client and server, with a delay between them. The kernel's way to delay packets (netem) is
 * not everywhere, so they pass through the program that local-ec2 has for that. Nothing here has a name: with the
 * processes all of it is gone.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync } from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import { createInterface } from 'node:readline'

import { dyingWithUs, kill } from './process.ts'

const manifest = createRequire(import.meta.url).resolve('@benchaway/local-ec2/package.json')
const relay = path.join(path.dirname(manifest), 'dist', 'link', 'relay.py')

/**
 * What the command line of a server begins with that shall be far away. All that it starts ends with it: a session that
 * is cut off from its client would wait for it.
 */
export const apart = ['unshare', '--net', '--pid', '--fork', '--kill-child']
export const farAddress = '192.0.2.2'
const nearAddress = '192.0.2.1'

export interface Link extends AsyncDisposable {
  /** What the command line of a client begins with. */
  readonly enter: readonly string[]
}

/** @param far a process that was started with `apart`, and runs */
export async function startLink(far: ChildProcess, roundTripMs: number): Promise<Link> {
  const near = spawn(...dyingWithUs('unshare', ['--net', 'python3', relay, 'near', 'far']), {
    stdio: ['pipe', 'pipe', 'inherit'],
    // Not to hear of Ctrl-C before those who send through it.
    detached: true,
  })
  try {
    const conditions = { delayMs: roundTripMs / 2, lossRate: 0, cut: null, seed: 0 }
    near.stdin.write(`${JSON.stringify(conditions)}\n`)
    const lines = createInterface({ input: near.stdout })
    const [line] = await Promise.race([once(lines, 'line'), once(lines, 'close')])
    if (line === undefined) throw new Error('the link did not start')
    ip(near, [`link set far netns ${far.pid}`, ...settings('near', nearAddress)])
    ip(far, settings('far', farAddress))
  } catch (error) {
    await kill(near)
    throw error
  }
  return { enter: enter(near), [Symbol.asyncDispose]: () => kill(near) }
}

/** Why this user of this computer cannot have a link; undefined when that is possible. */
export function whyNoLink(): string | undefined {
  if (process.getuid?.() !== 0) return 'networks with a delay between them need root'
  try {
    closeSync(openSync('/dev/net/tun', 'r+'))
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
  return undefined
}

const settings = (device: string, address: string): string[] => [
  'link set lo up',
  `address add ${address}/24 dev ${device}`,
  // As local-ec2 has it: the program does not always run at once.
  `link set ${device} txqueuelen 4096`,
  `link set ${device} up`,
]

const enter = ({ pid }: ChildProcess): string[] => ['nsenter', `--net=/proc/${pid}/ns/net`]

function ip(where: ChildProcess, lines: readonly string[]): void {
  const [program, ...args] = [...enter(where), 'ip', '-batch', '-']
  execFileSync(program, args, { input: lines.join('\n'), stdio: ['pipe', 'ignore', 'inherit'] })
}

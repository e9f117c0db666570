/** One machine: a runc container, its network namespace and its files, from order to nothing left. */
import { spawn } from 'node:child_process'
import {
  closeSync,
  constants,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'

import type { MachineEnd } from '../machine.ts'
import { type Overlay, bundle } from './bundle.ts'
import { ConsoleReader } from './console.ts'
import { exists, read } from './files.ts'
import type { Layers } from './layers.ts'
import { makeNamespace, namespaceFile, removeNamespace } from './network.ts'
import type { BootOrder, FabricPlan } from './protocol.ts'
import { run } from './run.ts'
import { makeSkeleton } from './skeleton.ts'

export interface ContainerEvents {
  console(text: string): void
  running(): void
}

export class Container {
  readonly #plan: FabricPlan
  readonly #layers: Layers
  readonly #directory: string
  readonly #order: BootOrder
  readonly #events: ContainerEvents
  #tail = ''
  #isRunning = false
  #isUnplugged = false
  #child: { kill(signal: NodeJS.Signals): boolean } | undefined

  constructor(
    plan: FabricPlan,
    layers: Layers,
    directory: string,
    order: BootOrder,
    events: ContainerEvents,
  ) {
    this.#plan = plan
    this.#layers = layers
    this.#directory = directory
    this.#order = order
    this.#events = events
  }

  /** Makes the machine, waits for its end and removes it. Never rejects. */
  async live(): Promise<MachineEnd> {
    const { id, address } = this.#order
    try {
      return await this.#make()
    } catch (error) {
      return { reason: 'failed', detail: error instanceof Error ? error.message : String(error) }
    } finally {
      await removeNamespace(id, address).catch(() => {})
      rmSync(this.#directory, { recursive: true, force: true })
    }
  }

  /** As pulling the plug; `live` tells when it is done. */
  unplug(): void {
    this.#isUnplugged = true
    const pid = Number(read(join(this.#directory, 'pid')) ?? 0)
    // Killing the first process of a pid namespace kills all of them.
    if (pid > 0) kill(pid)
    else this.#child?.kill('SIGKILL')
  }

  async #make(): Promise<MachineEnd> {
    const { id, address, hostname } = this.#order
    const at = (name: string): string => join(this.#directory, name)
    mkdirSync(this.#directory)
    const made = Promise.all([
      makeNamespace(id, address),
      run('mkfifo', ['-m', '620', at('console')]),
    ])
    const overlays = this.#layers.overlays.map((layer): Overlay => {
      const name = layer.path.replaceAll('/', '-')
      const overlay = { ...layer, upper: at(`upper${name}`), work: at(`work${name}`) }
      mkdirSync(overlay.upper)
      mkdirSync(overlay.work)
      return overlay
    })
    makeSkeleton(at('root'), at('upper-etc'), this.#order, this.#plan.base, this.#layers)
    const options = {
      hostname,
      root: at('root'),
      overlays,
      console: at('console'),
      network: namespaceFile(id),
      rootless: this.#plan.rootless,
      maxFiles: maxFiles(),
    }
    writeFileSync(at('config.json'), JSON.stringify(bundle(options)))
    await made

    const output = new ConsoleReader(at('console'), (text) => this.#heard(text))
    const code = this.#isUnplugged ? null : await this.#run()
    output.close()
    if (this.#isUnplugged) return { reason: 'unplugged' }
    if (!this.#isRunning) return { reason: 'failed', detail: this.#tail.trim().slice(-500) }
    return code === 0
      ? { reason: 'poweroff' }
      : { reason: 'poweroff', detail: `its init ended with code ${code}` }
  }

  #run(): Promise<number | null> {
    const console = openSync(join(this.#directory, 'console'), constants.O_WRONLY)
    const args = [
      '--root',
      '/run/runc',
      '--rootless=true',
      'run',
      '--no-new-keyring',
      '--bundle',
      this.#directory,
      '--pid-file',
      join(this.#directory, 'pid'),
      this.#order.id,
    ]
    const parent = [...ownClock(), '--fork', '--kill-child', '--', 'runc']
    return new Promise((resolve, reject) => {
      const child = spawn('unshare', [...parent, ...args], { stdio: ['ignore', console, console] })
      this.#child = child
      child.on('error', reject)
      child.on('exit', resolve)
      closeSync(console)
    })
  }

  #heard(text: string): void {
    this.#tail = (this.#tail + text).slice(-4096)
    if (!this.#isRunning && this.#tail.includes(`local-ec2: ${this.#order.hostname} boots\n`)) {
      this.#isRunning = true
      this.#events.running()
    }
    this.#events.console(text)
  }
}

/** Uptime inside starts at nought, as a machine's does and as timers in user-data expect. */
function ownClock(): string[] {
  if (!exists('/proc/self/ns/time')) return []
  const uptime = Math.floor(Number(readFileSync('/proc/uptime', 'utf8').split(' ')[0]))
  return ['--time', '--boottime', String(-uptime)]
}

function maxFiles(): number {
  const limits = readFileSync('/proc/self/limits', 'utf8')
  return Number(/^Max open files\s+\d+\s+(\d+)/m.exec(limits)?.[1] ?? 1024)
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It ended by itself meanwhile.
  }
}

/** One machine from power on to power off: a network namespace, and one runc container after another for its boots. */
import {
  closeSync,
  constants,
  mkdirSync,
  openSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

import type { LinkConditions, MachineEnd, MachineTrouble } from '../machine.ts'
import { bundle, type BundleOptions } from './bundle.ts'
import { ConsoleReader } from './console.ts'
import type { Disk } from './disk.ts'
import { Errand } from './errand.ts'
import { exists, read } from './files.ts'
import type { Gate } from './gate.ts'
import { lastWords, meanings, powerButton } from './init.ts'
import { MachineNetwork } from './machine-network.ts'
import { namespaceFile, ownIds, userNamespaceFile } from './namespaces.ts'
import { freeze, processesIn, send } from './processes.ts'
import type { BootOrder, FabricPlan, Wiring } from './protocol.ts'
import { run } from './run.ts'
import { forget, maxFiles, runContainer } from './runc.ts'
import { makeRun, makeRunForSystemd } from './skeleton.ts'
import { stopSshd } from './sshd.ts'
import { mountSys } from './sys.ts'
import { Terminal } from './terminal.ts'

export interface ContainerEvents {
  /** Resolves when it may be told more. */
  console(text: string): Promise<void>
  /** At every boot. */
  running(): void
}

/** What all machines of a fabric share. */
export interface Surroundings {
  plan: FabricPlan
  wiring: Wiring
  /** Starting many at once takes longer for each than one after the other. */
  gate: Gate
}

export class Container {
  readonly #surroundings: Surroundings
  readonly #directory: string
  readonly #disk: Disk
  readonly #order: BootOrder
  readonly #events: ContainerEvents
  readonly #network: MachineNetwork
  #tail = ''
  #isRunning = false
  #terminal: Terminal | undefined
  /** What somebody outside wants, since the present boot began; `off` is for good. */
  #wish: 'off' | 'boot' | undefined
  #child: { kill(signal: NodeJS.Signals): boolean } | undefined
  /** Ends what it waits for while no process of it runs. */
  #wake: (() => void) | undefined
  #leaveGate: (() => void) | undefined

  constructor(
    surroundings: Surroundings,
    directory: string,
    disk: Disk,
    order: BootOrder,
    events: ContainerEvents,
  ) {
    this.#surroundings = surroundings
    this.#directory = directory
    this.#disk = disk
    this.#order = order
    this.#events = events
    this.#network = new MachineNetwork(surroundings, order)
  }

  /** Powers the machine on, boots it as often as it wants, and waits for its end. Never rejects. */
  async live(): Promise<MachineEnd> {
    try {
      await this.#powerOn()
      return await this.#liveOn()
    } catch (error) {
      return { reason: 'failed', detail: error instanceof Error ? error.message : String(error) }
    } finally {
      // What cannot be removed, on a computer that has no process or memory left, is gone with the fabric.
      await this.#removeAll().catch(() => {})
    }
  }

  /** As pulling the plug; `live` tells when it is done. */
  unplug(): void {
    this.#wish = 'off'
    this.#interrupt()
  }

  /** Its init is asked to end; without one, or with one that a reboot has killed, it is as pulling the plug. */
  shutDown(): void {
    const pid = this.#initPid()
    if (this.#isRunning && pid > 0 && !this.#isToReboot)
      send(pid, powerButton[this.#surroundings.plan.init])
    else this.unplug()
  }

  reboot(): void {
    // Before its init runs there is nothing to end.
    if (!this.#isRunning || this.#isUnplugged) return
    this.#wish = 'boot'
    this.#interrupt()
  }

  setHopLimit(hopLimit: number): Promise<void> {
    return this.#network.setHopLimit(hopLimit)
  }

  link(conditions: LinkConditions | undefined): Promise<void> {
    return this.#network.link(conditions)
  }

  async trouble(what: MachineTrouble): Promise<void> {
    if (what === 'disk-full') await this.#disk.fill()
    else if (what === 'freezes') await freeze(this.#network.name)
    else if (what === 'sshd-stops') {
      await stopSshd(this.#network.name, this.#surroundings.plan.init)
    } else await this.#network.cut()
  }

  get #isUnplugged(): boolean {
    return this.#wish === 'off'
  }

  get #isToReboot(): boolean {
    return this.#wish === 'boot'
  }

  #at(name: string): string {
    return join(this.#directory, name)
  }

  async #powerOn(): Promise<void> {
    const { plan, gate } = this.#surroundings
    const { id, hostname } = this.#order
    const leave = await gate.enter()
    try {
      if (this.#isUnplugged) return
      mkdirSync(this.#directory)
      mkdirSync(this.#at('run'))
      const parts = await Promise.allSettled([
        this.#network.make(),
        run('mkfifo', ['-m', '620', this.#at('console')]),
        this.#disk.prepare(this.#order),
      ])
      // Only now, when none of them is on its way any more.
      for (const part of parts) if (part.status === 'rejected') throw part.reason
      const options = {
        hostname,
        root: this.#disk.root,
        overlays: this.#disk.overlays,
        run: this.#at('run'),
        console: await this.#openConsole(),
        network: namespaceFile(id),
        ...(plan.init !== 'own' && { user: { file: userNamespaceFile(id), ids: ownIds } }),
        rootless: plan.rootless,
        maxFiles: maxFiles(),
        init: plan.init,
        ...(plan.init !== 'own' && { sys: await mountSys(this.#directory, id) }),
        ...(plan.init === 'systemd' && this.#ofSystemd()),
      }
      writeFileSync(this.#at('config.json'), JSON.stringify(bundle(options)))
    } finally {
      leave()
    }
  }

  /** @returns what becomes `/dev/console` */
  async #openConsole(): Promise<string> {
    if (this.#surroundings.plan.init !== 'systemd') return this.#at('console')
    const output = openSync(this.#at('console'), constants.O_RDWR)
    try {
      this.#terminal = await Terminal.open(output)
    } finally {
      closeSync(output)
    }
    return this.#terminal.path
  }

  #ofSystemd(): Pick<BundleOptions, 'cgroup' | 'scratch'> {
    const unit = 'usr/lib/systemd/system/tmp.mount'
    return {
      cgroup: `/${this.#order.id}`,
      scratch: exists(join(this.#order.image?.root ?? '', unit))
        ? ['/run/lock', '/tmp']
        : ['/run/lock'],
    }
  }

  async #liveOn(): Promise<MachineEnd> {
    if (this.#isUnplugged) return { reason: 'unplugged' }
    const output = new ConsoleReader(this.#at('console'), (text) => this.#heard(text))
    let code: number | null
    let meaning: 'off' | 'reboot' | 'halt' | undefined
    try {
      do {
        if (this.#isToReboot) this.#wish = undefined
        code = await this.#boot()
        meaning = meanings[this.#surroundings.plan.init].get(code)
        if (this.#wish === undefined && meaning !== undefined) await this.#ended(meaning)
      } while (!this.#isUnplugged && (this.#isToReboot || meaning === 'reboot'))
    } finally {
      output.close()
    }
    if (this.#isUnplugged) return { reason: 'unplugged' }
    if (!this.#isRunning) return { reason: 'failed', detail: this.#tail.trim().slice(-500) }
    return meaning === 'off'
      ? { reason: 'poweroff' }
      : { reason: 'poweroff', detail: `its init ended with code ${code}` }
  }

  async #ended(meaning: 'off' | 'reboot' | 'halt'): Promise<void> {
    // Our own init says so itself.
    if (this.#surroundings.plan.init === 'systemd') this.#say(lastWords[meaning])
    if (meaning !== 'halt') return
    // As on EC2, where it stays `running`: nothing of it runs, and nothing of it answers.
    await this.#network.down()
    await this.#wait('never')
    await this.#network.up()
  }

  #say(words: string): void {
    const console = openSync(this.#at('console'), constants.O_WRONLY | constants.O_NONBLOCK)
    try {
      writeSync(console, words)
    } catch {
      // It has written more than anybody could read so far.
    }
    closeSync(console)
  }

  /** @returns the exit code of its init; anything at all when there is a wish */
  async #boot(): Promise<number | null> {
    const { delayMs, id } = this.#order
    const { plan } = this.#surroundings
    this.#isRunning = false
    this.#tail = ''
    if (delayMs !== 0) await this.#wait(delayMs)
    this.#leaveGate = await this.#surroundings.gate.enter()
    let errand: Errand | undefined
    try {
      if (this.#isUnplugged) return null
      await this.#mountRun()
      if (plan.init === 'systemd') makeRunForSystemd(this.#at('run'))
      else {
        makeRun(this.#at('run'), this.#order)
        errand = await Errand.open(this.#at('run/local-ec2'), (line) => this.#serve(line))
      }
      if (await this.#network.restore()) await mountSys(this.#directory, id)
      if (this.#isUnplugged) return null
      return await this.#runInit()
    } finally {
      this.#leaveGate()
      errand?.close()
      rmSync(this.#at('pid'), { force: true })
      if (this.#wish !== undefined) await this.#killRest()
      forget(id)
    }
  }

  /** Until somebody outside wants something. */
  async #wait(ms: number | 'never'): Promise<void> {
    if (this.#wish !== undefined) return
    const over = Promise.withResolvers<void>()
    this.#wake = over.resolve
    const timer = ms === 'never' ? undefined : setTimeout(over.resolve, ms)
    await over.promise
    clearTimeout(timer)
    this.#wake = undefined
  }

  async #runInit(): Promise<number | null> {
    const console = openSync(this.#at('console'), constants.O_WRONLY)
    const running = runContainer(this.#directory, this.#at('pid'), this.#order.id, console)
    closeSync(console)
    this.#child = running.child
    try {
      return await running.code
    } finally {
      this.#child = undefined
    }
  }

  #interrupt(): void {
    this.#wake?.()
    const pid = this.#initPid()
    // Killing the first process of a pid namespace kills all of them.
    if (pid > 0) send(pid, 'SIGKILL')
    else this.#child?.kill('SIGKILL')
  }

  /** 0 while there is none. */
  #initPid(): number {
    return Number(read(this.#at('pid')) ?? 0)
  }

  /** A runc that is killed may have started what it does not end any more. */
  async #killRest(): Promise<void> {
    const { id } = this.#order
    if (!exists(namespaceFile(id))) return
    const namespace = this.#network.name
    for (let rest = processesIn(namespace); rest.length > 0; rest = processesIn(namespace)) {
      for (const pid of rest) send(pid, 'SIGKILL')
      await sleep(1)
    }
  }

  async #removeAll(): Promise<void> {
    await this.#killRest()
    await this.#network.remove()
    this.#terminal?.close()
    await this.#unmountRun()
    await run('umount', ['--lazy', this.#at('sys')]).catch(() => {})
    rmSync(this.#directory, { recursive: true, force: true })
  }

  async #mountRun(): Promise<void> {
    await this.#unmountRun()
    await run('mount', ['-t', 'tmpfs', '-o', 'mode=755,nodev,size=20%', 'run', this.#at('run')])
  }

  async #unmountRun(): Promise<void> {
    await run('umount', ['--lazy', this.#at('run')]).catch(() => {})
  }

  /** What the machine asks for. */
  async #serve(line: string): Promise<void> {
    if (line === 'metadata-off') await this.#network.closeMetadata()
  }

  #heard(raw: string): Promise<void> {
    // What a terminal makes of the end of a line.
    const text = raw.replaceAll('\r\n', '\n')
    this.#tail = (this.#tail + text).slice(-4096)
    if (!this.#isRunning && this.#tail.includes(`local-ec2: ${this.#order.hostname} boots\n`)) {
      this.#isRunning = true
      this.#leaveGate?.()
      this.#events.running()
    }
    return this.#events.console(text)
  }
}

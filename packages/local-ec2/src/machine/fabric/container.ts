/** One machine from power on to power off: a network namespace, and one runc container after another for its boots. */
import { spawn } from 'node:child_process'
import {
  closeSync,
  constants,
  mkdirSync,
  openSync,
  readFileSync,
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
import { Link } from './link.ts'
import { namespaceFile, namespaceName, ownIds, userNamespaceFile } from './namespaces.ts'
import {
  closeMetadata,
  insertLink,
  limitHops,
  linkDevices,
  makeNamespace,
  openMetadata,
  rejoinLink,
  removeLink,
  removeNamespace,
  setLink,
} from './network.ts'
import { commandOf, freeze, nameOf, processesIn, send } from './processes.ts'
import type { BootOrder, FabricPlan, Wiring } from './protocol.ts'
import { run } from './run.ts'
import { makeRun, makeRunForSystemd } from './skeleton.ts'
import { mountSys } from './sys.ts'
import { Terminal } from './terminal.ts'

const runtime = ['--root', '/run/runc', '--rootless=true']

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

/** What the end of its first process means, by the exit code of runc. */
const meanings: Record<
  FabricPlan['init'],
  ReadonlyMap<number | null, 'off' | 'reboot' | 'halt'>
> = {
  // As init.sh says.
  own: new Map([
    [0, 'off'],
    [94, 'reboot'],
    [95, 'halt'],
  ]),
  'cloud-init': new Map([
    [0, 'off'],
    [94, 'reboot'],
    [95, 'halt'],
  ]),
  // reboot(2) in a pid namespace: SIGHUP to its first process for a reboot, SIGINT for a power-off and for a halt.
  systemd: new Map([
    [129, 'reboot'],
    [130, 'off'],
  ]),
}

/** The power button: init.sh's own signal, and systemd's SIGRTMIN+4. */
const powerButton = { own: 'SIGHUP', 'cloud-init': 'SIGHUP', systemd: 38 } as const

export class Container {
  readonly #surroundings: Surroundings
  readonly #directory: string
  readonly #disk: Disk
  readonly #order: BootOrder
  readonly #events: ContainerEvents
  #hopLimit: number
  #tail = ''
  #isRunning = false
  /** Whether it lost its network for good. */
  #isCut = false
  #isMetadataClosed = false
  /** Whether it has booted before. */
  #isUsed = false
  #terminal: Terminal | undefined
  /** What somebody outside wants, since the present boot began; `off` is for good. */
  #wish: 'off' | 'boot' | undefined
  #child: { kill(signal: NodeJS.Signals): boolean } | undefined
  /** Ends what it waits for while no process of it runs. */
  #wake: (() => void) | undefined
  #leaveGate: (() => void) | undefined
  /** Settles when it has a network, or is gone without one. */
  readonly #connected = Promise.withResolvers<void>()
  #isGone = false
  /** What its packets pass through while its link has conditions. */
  #link: Link | undefined
  /** Settles when nothing is being done to its link. */
  #linking: Promise<void> = this.#connected.promise

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
    this.#hopLimit = order.knowledge.facts.metadata.hopLimit
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

  /** Its init is asked to end; without one it is as pulling the plug. */
  shutDown(): void {
    const pid = this.#initPid()
    if (this.#isRunning && pid > 0) send(pid, powerButton[this.#surroundings.plan.init])
    else this.unplug()
  }

  reboot(): void {
    // Before its init runs there is nothing to end.
    if (!this.#isRunning || this.#isUnplugged) return
    this.#wish = 'boot'
    this.#interrupt()
  }

  async setHopLimit(hopLimit: number): Promise<void> {
    if (this.#hopLimit === hopLimit) return
    this.#hopLimit = hopLimit
    await limitHops(this.#order.address, hopLimit, this.#surroundings.wiring)
  }

  async trouble(what: MachineTrouble): Promise<void> {
    const { id, address } = this.#order
    if (what === 'disk-full') await this.#disk.fill()
    else if (what === 'freezes') await freeze(namespaceName(id))
    else if (what === 'sshd-stops') await this.#stopSshd()
    else {
      this.#isCut = true
      await setLink(address, 'down')
    }
  }

  /** Not before it has a network, but before it boots with that. */
  link(conditions: LinkConditions | undefined): Promise<void> {
    const linked = this.#linking.then(() => this.#setConditions(conditions))
    this.#linking = linked.catch(() => {})
    return linked
  }

  async #setConditions(conditions: LinkConditions | undefined): Promise<void> {
    if (this.#isGone) return
    // One that somebody killed has left the machine without a way.
    if (this.#link?.isGone) await this.#removeLink(this.#link)
    // Without conditions as well: what is under way arrives before it goes.
    await this.#link?.set(conditions ?? {})
    if (this.#link === undefined && conditions !== undefined) await this.#insertLink(conditions)
    else if (this.#link !== undefined && conditions === undefined) {
      await this.#removeLink(this.#link)
    }
  }

  async #insertLink(conditions: LinkConditions): Promise<void> {
    const { address, knowledge } = this.#order
    const link = new Link(this.#surroundings.plan.relay, linkDevices(address))
    this.#link = link
    try {
      await link.set(conditions)
      await insertLink(address, knowledge.facts.macAddress)
    } catch (error) {
      await this.#removeLink(link)
      throw error
    }
  }

  async #removeLink(link: Link): Promise<void> {
    const { address, knowledge } = this.#order
    await removeLink(address, knowledge.facts.macAddress)
    await link.close()
    this.#link = undefined
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
        this.#makeNetwork(),
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

  async #makeNetwork(): Promise<void> {
    const { macAddress } = this.#order.knowledge.facts
    const { plan, wiring } = this.#surroundings
    const eth0 = { macAddress, hopLimit: this.#hopLimit, isItsOwn: plan.init !== 'own' }
    await makeNamespace(this.#order, eth0, wiring)
    this.#connected.resolve()
  }

  /** @returns what becomes `/dev/console` */
  async #openConsole(): Promise<string> {
    if (this.#surroundings.plan.init !== 'systemd') return this.#at('console')
    const output = openSync(this.#at('console'), constants.O_RDWR)
    this.#terminal = await Terminal.open(output)
    closeSync(output)
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
        if (this.#surroundings.plan.init === 'systemd') this.#say(meaning)
        if (meaning === 'halt' && this.#wish === undefined) await this.#halt()
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

  /** What our own init says by itself. */
  #say(meaning: 'off' | 'reboot' | 'halt' | undefined): void {
    if (this.#wish !== undefined || meaning === undefined) return
    const console = openSync(this.#at('console'), constants.O_WRONLY | constants.O_NONBLOCK)
    try {
      writeSync(console, `local-ec2: ${meaning === 'off' ? 'powered off' : 'reboots'}\n`)
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
      await this.#restoreNetwork()
      if (this.#isUnplugged) return null
      return await this.#runInit()
    } finally {
      this.#leaveGate()
      errand?.close()
      rmSync(this.#at('pid'), { force: true })
      if (this.#wish !== undefined) await this.#killRest()
      // Left behind by a runc that was killed; the next one would find its name taken.
      rmSync(`/run/runc/${id}`, { recursive: true, force: true })
    }
  }

  /** As it was before the boot that came before. */
  async #restoreNetwork(): Promise<void> {
    if (this.#isMetadataClosed) await openMetadata(this.#order.id)
    this.#isMetadataClosed = false
    if (this.#isUsed && this.#surroundings.plan.init !== 'own') await this.#renewNetwork()
    this.#isUsed = true
  }

  /** An image's boot may have changed anything in it, and even removed its interface. */
  async #renewNetwork(): Promise<void> {
    const { address, id, knowledge } = this.#order
    await removeNamespace(this.#order)
    await this.#makeNetwork()
    await mountSys(this.#directory, id)
    if (this.#link !== undefined) await rejoinLink(address, knowledge.facts.macAddress)
    if (this.#isCut) await setLink(address, 'down')
  }

  /** As on EC2, where it stays `running`: nothing of it runs, and nothing of it answers. */
  async #halt(): Promise<void> {
    const { address } = this.#order
    await setLink(address, 'down')
    await this.#wait('never')
    if (!this.#isCut) await setLink(address, 'up')
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

  #runInit(): Promise<number | null> {
    const console = openSync(this.#at('console'), constants.O_WRONLY)
    const args = [
      'run',
      '--no-new-keyring',
      '--bundle',
      this.#directory,
      '--pid-file',
      this.#at('pid'),
      this.#order.id,
    ]
    const parent = [...ownClock(), '--fork', '--kill-child', '--', 'runc', ...runtime]
    return new Promise((resolve, reject) => {
      const child = spawn('unshare', [...parent, ...args], { stdio: ['ignore', console, console] })
      this.#child = child
      child.on('error', reject)
      child.on('exit', (code) => {
        this.#child = undefined
        resolve(code)
      })
      closeSync(console)
    })
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
    const namespace = namespaceName(id)
    for (let rest = processesIn(namespace); rest.length > 0; rest = processesIn(namespace)) {
      for (const pid of rest) send(pid, 'SIGKILL')
      await sleep(1)
    }
  }

  async #removeAll(): Promise<void> {
    await this.#killRest()
    this.#isGone = true
    this.#connected.resolve()
    await this.#linking
    if (this.#link !== undefined) await this.#removeLink(this.#link).catch(() => {})
    await removeNamespace(this.#order).catch(() => {})
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
    // Once a boot, however often it asks.
    if (line !== 'metadata-off' || this.#isMetadataClosed) return
    this.#isMetadataClosed = true
    await closeMetadata(this.#order.id)
  }

  /** From outside: by now nobody knows what a program inside does. */
  async #stopSshd(): Promise<void> {
    const find = (isMeant: (pid: number) => boolean): number[] =>
      processesIn(namespaceName(this.#order.id)).filter(isMeant)
    // The one who would start it again goes first. systemd cannot; but it lets one be that ends as if told to.
    for (const pid of find(isWatcher)) send(pid, 'SIGKILL')
    if (this.#surroundings.plan.init === 'systemd') {
      for (const pid of find(isSshd)) send(pid, 'SIGTERM')
      for (let tries = 0; tries < 100 && find(isSshd).length > 0; tries++) await sleep(10)
    }
    for (const pid of find(isSshd)) send(pid, 'SIGKILL')
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

const isWatcher = (pid: number): boolean => commandOf(pid).includes('--supervise ssh.service')
const isSshd = (pid: number): boolean => nameOf(pid).startsWith('sshd')

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

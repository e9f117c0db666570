/** A machine host whose machines do what a test says, when it says so. */
import type {
  LinkConditions,
  Machine,
  MachineEnd,
  MachineFacts,
  MachineHost,
  MachineKind,
  MachineRequest,
  MachineTrouble,
  Power,
} from '../src/machine/machine.ts'

export class ScriptedMachine implements Machine {
  readonly request: MachineRequest
  readonly privateIp: string
  readonly sshPort: number
  /** What it knows of itself by now; `undefined` before its first boot. */
  facts: MachineFacts | undefined
  readonly troubles: MachineTrouble[] = []
  readonly links: LinkConditions[] = []
  boots = 0
  reboots = 0
  /** How often `shutDown()` was called since it booted. */
  shutDowns = 0
  /** Whether `powerOff()` was called since it booted. */
  unplugged = false
  discarded = false
  /** What its next boot throws. */
  refusal: Error | undefined
  #output = ''
  #running: (() => void) | undefined
  #off: PromiseWithResolvers<MachineEnd> | undefined

  constructor(request: MachineRequest, address: string, sshPort: number) {
    this.request = request
    this.privateIp = address
    this.sshPort = sshPort
  }

  boot(facts: MachineFacts): Power {
    const { refusal } = this
    if (refusal !== undefined) {
      this.refusal = undefined
      throw refusal
    }
    this.facts = facts
    const running = Promise.withResolvers<void>()
    const off = Promise.withResolvers<MachineEnd>()
    this.#running = running.resolve
    this.#off = off
    this.unplugged = false
    this.shutDowns = 0
    const publicIp = this.boots++ === 0 ? this.privateIp : `198.19.${this.boots}.1`
    return { publicIp, running: running.promise, off: off.promise }
  }

  /** Its init runs. */
  comeUp(): void {
    this.#running?.()
  }

  end(end: MachineEnd): void {
    this.#off?.resolve(end)
  }

  print(text: string): void {
    this.#output += text
  }

  console(): string {
    return this.#output
  }

  async powerOff(): Promise<void> {
    this.unplugged = true
    await this.#off?.promise
  }

  async shutDown(): Promise<void> {
    this.shutDowns++
    await this.#off?.promise
  }

  reboot(): void {
    this.reboots++
  }

  learn(facts: MachineFacts): void {
    this.facts = facts
  }

  async trouble(what: MachineTrouble): Promise<void> {
    this.troubles.push(what)
  }

  async link(conditions: LinkConditions): Promise<void> {
    this.links.push(conditions)
  }

  discard(): void {
    this.discarded = true
  }
}

export class ScriptedHost implements MachineHost {
  readonly cidr = '198.18.4.0/24'
  readonly isolation = 'none of this is real'
  readonly machines: ScriptedMachine[] = []
  readonly kind: MachineKind
  readonly sshPort: number
  /** What the first boot of the next machine throws. */
  refusal: Error | undefined
  closed = false

  constructor({ kind = 'none', sshPort = 22 }: { kind?: MachineKind; sshPort?: number } = {}) {
    this.kind = kind
    this.sshPort = sshPort
  }

  create(request: MachineRequest, { cidr }: { cidr: string } = this): Machine {
    const [base = '', prefix] = cidr.split('/')
    const address = prefix === '32' ? base : `198.18.4.${this.machines.length + 10}`
    const machine = new ScriptedMachine(request, address, this.sshPort)
    machine.refusal = this.refusal
    this.refusal = undefined
    this.machines.push(machine)
    return machine
  }

  /** The machine of the latest launch. */
  get latest(): ScriptedMachine {
    const machine = this.machines.at(-1)
    if (machine === undefined) throw new Error('nothing was booted')
    return machine
  }

  async close(): Promise<void> {
    for (const machine of this.machines) machine.end({ reason: 'unplugged' })
    this.closed = true
  }
}

/** A machine host whose machines do what a test says, when it says so. */
import type {
  Machine,
  MachineEnd,
  MachineHost,
  MachineKind,
  MachineRequest,
} from '../src/machine/machine.ts'

export interface ScriptedMachine extends Machine {
  readonly request: MachineRequest
  /** Whether `powerOff()` was called. */
  readonly unplugged: boolean
  comeUp(): void
  end(end: MachineEnd): void
  print(text: string): void
}

export class ScriptedHost implements MachineHost {
  readonly cidr = '198.18.4.0/24'
  readonly isolation = 'none of this is real'
  readonly machines: ScriptedMachine[] = []
  readonly kind: MachineKind
  readonly sshPort: number
  closed = false

  constructor({ kind = 'none', sshPort = 22 }: { kind?: MachineKind; sshPort?: number } = {}) {
    this.kind = kind
    this.sshPort = sshPort
  }

  boot(request: MachineRequest): Machine {
    const running = Promise.withResolvers<void>()
    const off = Promise.withResolvers<MachineEnd>()
    const address = `198.18.4.${this.machines.length + 10}`
    let unplugged = false
    let output = ''
    const machine: ScriptedMachine = {
      request,
      privateIp: address,
      publicIp: address,
      sshPort: this.sshPort,
      running: running.promise,
      off: off.promise,
      console: () => output,
      powerOff() {
        unplugged = true
        return off.promise
      },
      get unplugged() {
        return unplugged
      },
      comeUp: () => running.resolve(),
      end: (end) => off.resolve(end),
      print(text) {
        output += text
      },
    }
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
    for (const machine of this.machines) machine.end({ reason: 'terminated' })
    this.closed = true
  }
}

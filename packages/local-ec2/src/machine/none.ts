/** Machines that are nothing but a state: for tests of the control plane alone. */
import { LocalEc2Error } from '../errors.ts'
import type { Machine, MachineEnd, MachineHost, MachineRequest, Power } from './machine.ts'

// The last address of a /16 below its broadcast address.
const lastAddress = 0xfffe

export function openNoneHost(): MachineHost {
  const machines = new Set<NoneMachine>()
  const taken = new Set<number>()
  let latest = 3

  function nextAddress(): number {
    for (let tries = 0; tries < lastAddress; tries++) {
      latest = latest >= lastAddress ? 4 : latest + 1
      if (!taken.has(latest)) return latest
    }
    throw new LocalEc2Error('NO_FREE_ADDRESS', 'all addresses of 172.31.0.0/16 are taken')
  }

  return {
    kind: 'none',
    cidr: '172.31.0.0/16',
    isolation: 'nothing boots, so there is nothing to keep apart',
    create(request) {
      const address = nextAddress()
      taken.add(address)
      const machine = new NoneMachine(request, address, () => {
        machines.delete(machine)
        taken.delete(address)
      })
      machines.add(machine)
      return machine
    },
    async close() {
      await Promise.all([...machines].map((machine) => machine.powerOff()))
    },
  }
}

class NoneMachine implements Machine {
  readonly privateIp: string
  readonly sshPort = 22
  readonly discard: () => void
  readonly #suffix: string
  readonly #troubles: MachineRequest['troubles']
  #boots = 0
  #end: ((end: MachineEnd) => void) | undefined
  #timer: NodeJS.Timeout | undefined

  constructor({ troubles }: MachineRequest, address: number, discard: () => void) {
    this.#troubles = troubles
    this.#suffix = `${address >> 8}.${address & 0xff}`
    this.privateIp = `172.31.${this.#suffix}`
    this.discard = discard
  }

  boot(): Power {
    const { neverBoots = false, bootDelayMs = 0 } = this.#troubles ?? {}
    const running = Promise.withResolvers<void>()
    const off = Promise.withResolvers<MachineEnd>()
    this.#end = off.resolve
    if (bootDelayMs === 0 && !neverBoots) running.resolve()
    else if (!neverBoots) this.#timer = setTimeout(running.resolve, bootDelayMs)
    // Reserved for ever: nobody can be reached there by mistake. Another one for each boot.
    const publicIp = `${240 + (this.#boots++ % 15)}.31.${this.#suffix}`
    return { publicIp, running: running.promise, off: off.promise }
  }

  async powerOff(): Promise<void> {
    clearTimeout(this.#timer)
    this.#end?.({ reason: 'unplugged' })
  }

  reboot(): void {}
  learn(): void {}
  async trouble(): Promise<void> {}
  console(): string {
    return ''
  }
}

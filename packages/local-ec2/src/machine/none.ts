/** Machines that are nothing but a state: for tests of the control plane alone. */
import { LocalEc2Error } from '../errors.ts'
import { AddressPool } from './addresses.ts'
import type { Machine, MachineEnd, MachineHost, MachineRequest, Power } from './machine.ts'

const cidr = '172.31.0.0/16'

export function openNoneHost(): MachineHost {
  const machines = new Set<NoneMachine>()
  const pool = new AddressPool(cidr)
  return {
    kind: 'none',
    cidr,
    isolation: 'nothing boots, so there is nothing to keep apart',
    create(request, range) {
      const address = pool.take(range?.cidr)
      const machine = new NoneMachine(request, address, () => {
        machines.delete(machine)
        pool.give(address)
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
  readonly #troubles: MachineRequest['troubles']
  #boots = 0
  #end: ((end: MachineEnd) => void) | undefined
  #timer: NodeJS.Timeout | undefined

  constructor({ troubles }: MachineRequest, privateIp: string, discard: () => void) {
    this.#troubles = troubles
    this.privateIp = privateIp
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
    const publicIp = `${240 + (this.#boots++ % 15)}${this.privateIp.slice('172'.length)}`
    return { publicIp, running: running.promise, off: off.promise }
  }

  async powerOff(): Promise<void> {
    clearTimeout(this.#timer)
    this.#end?.({ reason: 'unplugged' })
  }

  shutDown(): Promise<void> {
    return this.powerOff()
  }

  reboot(): void {}
  learn(): void {}
  async trouble(): Promise<void> {}
  async link(): Promise<void> {
    throw new LocalEc2Error('MACHINE_UNAVAILABLE', "machines of kind 'none' have no link", {
      hint: 'Start the endpoint with another kind of machine.',
    })
  }
  console(): string {
    return ''
  }
}

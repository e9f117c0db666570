/** Machines that are nothing but a state: for tests of the control plane alone. */
import { LocalEc2Error } from '../errors.ts'
import type { Machine, MachineEnd, MachineHost } from './machine.ts'

// The last address of a /16 below its broadcast address.
const lastAddress = 0xfffe

export function openNoneHost(): MachineHost {
  const machines = new Set<Machine>()
  const taken = new Set<number>()
  let latest = 3

  function nextAddress(): number {
    for (let tries = 0; tries < lastAddress; tries++) {
      latest = latest >= lastAddress ? 4 : latest + 1
      if (!taken.has(latest)) return latest
    }
    throw new LocalEc2Error('NO_FREE_ADDRESS', 'all addresses of 172.31.0.0/16 are taken')
  }

  function boot(): Machine {
    const address = nextAddress()
    taken.add(address)
    const { promise: off, resolve } = Promise.withResolvers<MachineEnd>()
    const suffix = `${address >> 8}.${address & 0xff}`
    const machine: Machine = {
      privateIp: `172.31.${suffix}`,
      // Reserved for ever: nobody can be reached there by mistake.
      publicIp: `240.31.${suffix}`,
      sshPort: 22,
      running: Promise.resolve(),
      off,
      console: () => '',
      powerOff() {
        machines.delete(machine)
        taken.delete(address)
        resolve({ reason: 'terminated' })
        return off
      },
    }
    machines.add(machine)
    return machine
  }

  return {
    kind: 'none',
    cidr: '172.31.0.0/16',
    isolation: 'nothing boots, so there is nothing to keep apart',
    boot,
    async close() {
      await Promise.all([...machines].map((machine) => machine.powerOff()))
    },
  }
}

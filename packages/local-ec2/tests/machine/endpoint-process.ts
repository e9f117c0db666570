/** A process of its own that holds two machines, one with a long link and one stopped, for tests of what its end leaves behind. */
import { openMachineHost } from '../../src/machine/host.ts'
import { boot, request, wantedKind } from './bench-kit.ts'
import { noLinks } from './link-kit.ts'

const host = await openMachineHost(wantedKind)
const order = request(undefined)
const machine = boot(host, order)
const stopped = boot(host, request(undefined))
await Promise.all([machine.running, stopped.running])
await stopped.powerOff()
if (noLinks === '') await machine.link({ roundTripMs: 1 })
process.stdout.write(`${JSON.stringify({ id: order.instanceId, publicIp: machine.publicIp })}\n`)
process.once('SIGTERM', () => {
  void host.close().then(() => process.exit())
})

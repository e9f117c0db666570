/** A process of its own that holds a machine, for tests of what its end leaves behind. */
import { openMachineHost } from '../../src/machine/host.ts'
import { boot, request, wantedKind } from './bench-kit.ts'

const host = await openMachineHost(wantedKind)
const order = request(undefined)
const machine = boot(host, order)
await machine.running
process.stdout.write(`${JSON.stringify({ id: order.instanceId, cidr: host.cidr })}\n`)
process.once('SIGTERM', () => {
  void host.close().then(() => process.exit())
})

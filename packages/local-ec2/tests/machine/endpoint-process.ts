/**
 * A process of its own that holds two machines, one with a long link and one stopped, for tests of what its end leaves
 * behind; or, as its argument says, one that is `running` or whose boot is `finished`.
 */
import { openMachineHost } from '../../src/machine/host.ts'
import { boot, finished, request, wantedKind } from './bench-kit.ts'
import { noLinks } from './link-kit.ts'

const host = await openMachineHost(wantedKind)
const order = request(undefined)
const machine = boot(host, order)
const until = process.argv[2]
if (until === undefined) {
  const stopped = boot(host, request(undefined))
  await Promise.all([machine.running, stopped.running])
  await stopped.powerOff()
  if (noLinks === '') await machine.link({ roundTripMs: 1 })
} else if (until === 'finished') await finished(machine)
else await machine.running
process.stdout.write(`${JSON.stringify({ id: order.instanceId, publicIp: machine.publicIp })}\n`)
process.once('SIGTERM', () => {
  void host.close().then(() => process.exit())
})

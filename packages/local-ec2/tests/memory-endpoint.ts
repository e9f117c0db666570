/** An endpoint in a process of its own, so that what its attackers need is not counted. */
import { startLocalEc2 } from '../src/index.ts'

const { endpoint, region, credentials } = await startLocalEc2({ machine: 'none' })

process.on('message', () => {
  globalThis.gc?.()
  const { heapUsed, external } = process.memoryUsage()
  process.send?.((heapUsed + external) / 2 ** 20)
})
process.on('disconnect', () => process.exit())
process.send?.({ endpoint, region, credentials })

import { openFleet } from '@benchaway/core'
import { startLocalEc2 } from '@benchaway/local-ec2'

// On AWS: leave `local` and `target` out.
await using local = await startLocalEc2()
await using fleet = await openFleet({ project: 'my-lib', target: local })
const instance = await fleet.launch({ type: process.arch === 'arm64' ? 'c8g.large' : 'c7i.large' })
console.log((await instance.exec('uname -a')).stdout)

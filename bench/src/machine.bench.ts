/** How long a local machine takes from EC2's answer to the end of the first command. */
import { openFleet } from '@benchaway/core'
import { startLocalEc2 } from '@benchaway/local-ec2'

import { type Pair, timed } from './paired.ts'
import { PlainSshds } from './plain-sshd.ts'

const local = await startLocalEc2()
const fleet = await openFleet({ project: 'bench', target: local })
const sshds = new PlainSshds()

export const pairs: Pair[] = [
  {
    case: 'RunInstances answered to first command done',
    peerName: 'sshd, not isolated',
    rounds: 9,
    goal: 3,
    async ours() {
      const type = process.arch === 'arm64' ? 'm7g.large' : 'm7i.large'
      const instance = await fleet.launch({ type })
      const { bootMs, connectMs } = instance.timing
      const commandMs = await timed(() => instance.exec('true'))
      await instance.terminate()
      return bootMs + connectMs + commandMs
    },
    peer: () =>
      timed(async () => {
        await using _ = await sshds.start()
      }),
  },
]

export async function close(): Promise<void> {
  await fleet.close()
  await local.close()
  sshds[Symbol.dispose]()
}

/** A world without a wire to it, for what no client can see or wait for. */
import type { RunInstancesCommandInput } from '@aws-sdk/client-ec2'

import { handlersOf } from '../src/actions/action.ts'
import { ec2Actions } from '../src/actions/index.ts'
import type { MachineHost } from '../src/machine/machine.ts'
import { images } from '../src/world/images.ts'
import type { Instance } from '../src/world/instance.ts'
import { createWorld, type World } from '../src/world/world.ts'

export function openWorld(host: MachineHost): {
  world: World
  /** Calls RunInstances, for an m7i.large with Debian; answers the newest instance. */
  launch: (input?: Partial<RunInstancesCommandInput>) => Instance
} {
  const world = createWorld(host)
  const credential = world.directory.addUser({ name: 'test', policies: undefined })
  let latest = 0
  const handle = handlersOf(ec2Actions, world)('RunInstances')
  const debian = [...images.values()].find(({ name }) => name.startsWith('debian-13-amd64'))
  if (handle === undefined || debian === undefined) throw new Error('nothing can be launched')
  return {
    world,
    launch(input = {}) {
      handle(
        { ImageId: debian.id, InstanceType: 'm7i.large', MinCount: 1, MaxCount: 1, ...input },
        {
          service: 'ec2',
          action: 'RunInstances',
          credential,
          time: Date.now(),
          sourceIp: '127.0.0.1',
          userAgent: undefined,
        },
      )
      const instance = [...world.instances.after(latest)].at(-1)
      if (instance === undefined) throw new Error('nothing was launched')
      latest = instance.order
      return instance
    },
  }
}

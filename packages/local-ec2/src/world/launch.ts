/** How an instance comes to be: with its machine, its volume and its network interface, or not at all. */
import { createInterface, createVolume } from './attachments.ts'
import { formatCidr } from './cidr.ts'
import type { Instance, LaunchSpec } from './instance.ts'
import { powerOn } from './lifecycle.ts'
import { newId } from './resource.ts'
import { pendingReason } from './state-reasons.ts'
import { thisSecond } from './time.ts'
import type { World } from './world.ts'

/** Where a machine that shares its address with others is reached. EC2's API has no field for it. */
const sshPortTag = 'local-ec2:ssh-port'

/** @throws {LocalEc2Error} `NO_FREE_ADDRESS`, and then nothing of it is left */
export function launch(
  world: World,
  spec: LaunchSpec,
  { reservationId, launchIndex }: { reservationId: string; launchIndex: number },
): Instance {
  const { keyPair, groups, privateIp, interfaceDescription, rootVolume, tags, ...lasting } = spec
  const { image, subnet, type, names } = lasting
  const id = newId('i')
  const troubles = world.bootTroubles(type.name)
  const machine = world.machines.create(
    {
      instanceId: id,
      ...(names.hostnameType === 'resource-name' && { hostname: id }),
      defaultUser: image.defaultUser,
      ...(image.system !== undefined && { system: image.system }),
      diskGib: rootVolume.sizeGib,
      ...(troubles !== undefined && { troubles }),
    },
    { cidr: privateIp === undefined ? formatCidr(subnet.cidr) : `${privateIp}/32` },
  )
  const time = thisSecond(world)
  const owner = { instanceId: id, subnet, time }
  const networkInterface = createInterface(
    world,
    { groups, privateIp: machine.privateIp, description: interfaceDescription },
    { ...owner, tags: new Map(tags['network-interface']) },
  )
  const instance: Instance = {
    ...lasting,
    ...world.stamp('instance'),
    id,
    tags: new Map(tags.instance),
    reservationId,
    launchIndex,
    created: time,
    launchTime: time,
    keyPair: keyPair && { name: keyPair.name, publicKey: keyPair.publicKey },
    machine,
    volumes: [createVolume(world, rootVolume, { ...owner, tags: new Map(tags.volume) })],
    networkInterface,
    state: 'pending',
    hasRun: false,
    transitionReason: '',
    stateReason: pendingReason,
    interruption: undefined,
    power: undefined,
  }
  if (machine.sshPort !== 22) instance.tags.set(sshPortTag, String(machine.sshPort))
  world.instances.set(id, instance)
  try {
    powerOn(world, instance, networkInterface)
  } catch (error) {
    unlaunch(world, instance)
    throw error
  }
  world.changed(instance)
  return instance
}

/** As if it had never been launched: nobody sees it any more while its machine is switched off. */
export function unlaunch(world: World, instance: Instance): void {
  const { machine, power, volumes, networkInterface } = instance
  instance.state = 'shutting-down'
  world.instances.delete(instance.id)
  for (const { id } of volumes) world.volumes.delete(id)
  if (networkInterface !== undefined) world.networkInterfaces.delete(networkInterface.id)
  if (power === undefined) machine.discard()
  else {
    // Whoever heard of it hears of its end.
    world.changed(instance)
    void machine.powerOff()
  }
}

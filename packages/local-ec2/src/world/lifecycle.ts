/**
 * The life of an instance.
 *
 * `pending` → `running` → `stopping` → `stopped` → `pending` …, and from each of them → `shutting-down` →
 * `terminated`. The machine decides when: it says that it runs and that it is off, and everything here follows.
 */
import type { MachineEnd } from '../machine/machine.ts'
import { type NetworkInterface, release } from './attachments.ts'
import { factsOf } from './instance-facts.ts'
import type { Instance, InstanceState } from './instance.ts'
import { type Ender, pendingReason, stateReason, transitionReason } from './state-reasons.ts'
import { thisSecond } from './time.ts'
import type { World } from './world.ts'

/** EC2 shows a terminated instance "for a short while"; usually that is an hour. */
export const forgetAfterMs = 3_600_000

/**
 * Powers a stopped one on again; does nothing to any other.
 *
 * @throws {LocalEc2Error} `NO_FREE_ADDRESS`, and then it is still stopped
 */
export function start(world: World, instance: Instance): void {
  const { networkInterface } = instance
  if (instance.state !== 'stopped' || networkInterface === undefined) return
  const { launchTime } = instance
  instance.launchTime = thisSecond(world)
  try {
    powerOn(world, instance, networkInterface)
  } catch (error) {
    instance.launchTime = launchTime
    throw error
  }
  instance.stateReason = pendingReason
  instance.transitionReason = ''
  become(world, instance, 'pending')
}

/**
 * Begins to stop it; does nothing to one that does not run.
 *
 * @param how `now` does without the shutdown of its system, and cuts one short that has begun
 */
export function stop(world: World, instance: Instance, how: 'gently' | 'now'): void {
  if (how === 'now' && instance.state === 'stopping') void instance.machine.powerOff()
  if (!isOn(instance)) return
  switchOff(world, instance, 'stopping', 'Client.UserInitiatedShutdown', 'User', how)
}

/** Begins the end; it is over when the machine is off. Does nothing to one that has ended. */
export function terminate(world: World, instance: Instance): void {
  const { state } = instance
  if (state === 'terminated' || state === 'shutting-down') return
  switchOff(world, instance, 'shutting-down', 'Client.UserInitiatedShutdown', 'User')
  if (instance.power === undefined) becomeTerminated(world, instance)
}

/** As EC2 interrupts a Spot Instance: a notice on the machine, and after it the end. */
export function interrupt(
  world: World,
  instance: Instance,
  { action, noticeMs }: { action: 'terminate' | 'stop'; noticeMs: number },
): void {
  if (!isOn(instance) || instance.interruption !== undefined) return
  const interruption = { action, time: new Date(world.now() + noticeMs) }
  instance.interruption = interruption
  relearn(world, instance)
  const timer = setTimeout(() => {
    // One that was stopped in the meantime has another life now, or none.
    if (instance.interruption !== interruption || !isOn(instance)) return
    if (action === 'stop') {
      switchOff(world, instance, 'stopping', 'Server.SpotInstanceShutdown', 'Service')
    } else switchOff(world, instance, 'shutting-down', 'Server.SpotInstanceTermination', 'Service')
  }, noticeMs)
  timer.unref()
}

/** Tells its machine what it can learn about itself by now: after its tags or groups have changed. */
export function relearn(world: World, instance: Instance): void {
  const { machine, networkInterface } = instance
  if (networkInterface !== undefined) machine.learn(factsOf(world, instance, networkInterface))
}

function isOn({ state }: Instance): boolean {
  return state === 'pending' || state === 'running'
}

/** @throws {LocalEc2Error} `NO_FREE_ADDRESS` */
export function powerOn(
  world: World,
  instance: Instance,
  networkInterface: NetworkInterface,
): void {
  const power = instance.machine.boot(factsOf(world, instance, networkInterface))
  instance.power = power
  if (instance.publicAddress) networkInterface.publicIp = power.publicIp
  void power.running.then(() => {
    if (instance.power !== power || instance.state !== 'pending') return
    instance.hasRun = true
    instance.stateReason = undefined
    become(world, instance, 'running')
  })
  void power.off.then((end) => {
    if (instance.power === power) machineEnded(world, instance, end)
  })
}

function switchOff(
  world: World,
  instance: Instance,
  state: 'stopping' | 'shutting-down',
  code: Parameters<typeof stateReason>[0],
  ender: Ender,
  how: 'gently' | 'now' = 'now',
): void {
  instance.stateReason = stateReason(code)
  instance.transitionReason = transitionReason(ender, new Date(world.now()))
  become(world, instance, state)
  if (instance.power === undefined) return
  void (how === 'gently' ? instance.machine.shutDown() : instance.machine.powerOff())
}

function machineEnded(world: World, instance: Instance, { reason, detail }: MachineEnd): void {
  instance.power = undefined
  // What was asked for by somebody has said so already; how the machine took it does not matter any more.
  if (instance.state === 'stopping') becomeStopped(world, instance)
  else if (instance.state === 'shutting-down') becomeTerminated(world, instance)
  else if (reason === 'poweroff') {
    instance.hasRun = true
    instance.stateReason = stateReason('Client.InstanceInitiatedShutdown')
    instance.transitionReason = ''
    if (instance.shutdownBehavior === 'stop') becomeStopped(world, instance)
    else becomeTerminated(world, instance)
  } else {
    if (reason === 'failed') instance.stateReason = stateReason('Server.InternalError', detail)
    // One that ran before keeps its disk when it does not come up again.
    if (instance.state === 'pending' && instance.hasRun) becomeStopped(world, instance)
    else becomeTerminated(world, instance)
  }
}

function becomeStopped(world: World, instance: Instance): void {
  instance.interruption = undefined
  if (instance.networkInterface !== undefined) instance.networkInterface.publicIp = undefined
  become(world, instance, 'stopped')
}

/** It stays visible for a while, as on EC2, but holds nothing any more. */
function becomeTerminated(world: World, instance: Instance): void {
  instance.machine.discard()
  instance.interruption = undefined
  const { volumes, networkInterface } = instance
  release(world, volumes)
  if (networkInterface !== undefined) world.networkInterfaces.delete(networkInterface.id)
  instance.volumes.length = 0
  instance.networkInterface = undefined
  become(world, instance, 'terminated')
  const timer = setTimeout(() => {
    world.instances.delete(instance.id)
    const reservation = world.reservations.get(instance.clientToken)
    if (reservation !== undefined) reservation.spec = undefined
  }, forgetAfterMs)
  timer.unref()
}

function become(world: World, instance: Instance, state: InstanceState): void {
  instance.state = state
  world.changed(instance)
}

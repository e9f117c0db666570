/** Why an instance is in the state it is in, in EC2's own words. */

export interface StateReason {
  readonly code: string
  readonly message: string
}

/** Who ended it. One that ended itself has no transition reason. */
export type Ender = 'User' | 'Service'

const words = {
  'Client.InstanceInitiatedShutdown': 'Instance initiated shutdown',
  'Client.UserInitiatedShutdown': 'User initiated shutdown',
  'Server.InternalError': 'Internal error on launch',
  'Server.SpotInstanceShutdown': 'Spot instance shutdown',
  'Server.SpotInstanceTermination': 'Spot instance termination',
} as const

/** While an instance is pending; EC2 gives no more than that. */
export const pendingReason: StateReason = { code: 'pending', message: 'pending' }

/** @param detail what this endpoint knows beyond EC2's words */
export function stateReason(code: keyof typeof words, detail?: string): StateReason {
  return { code, message: [code, words[code], detail].filter(Boolean).join(': ') }
}

export function transitionReason(ender: Ender, time: Date): string {
  return `${ender} initiated (${gmt(time)})`
}

function gmt(date: Date): string {
  return date.toISOString().replace('T', ' ').replace(/\..*/, ' GMT')
}

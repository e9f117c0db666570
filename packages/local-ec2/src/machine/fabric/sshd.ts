/** Ending a machine's sshd from outside: by now nobody knows what a program inside does. */
import { setTimeout as sleep } from 'node:timers/promises'

import { commandOf, nameOf, processesIn, send } from './processes.ts'
import type { FabricPlan } from './protocol.ts'

const patienceMs = 1000

/** @param namespace of the machine's network, as its processes call it */
export async function stopSshd(namespace: string, init: FabricPlan['init']): Promise<void> {
  const find = (isMeant: (pid: number) => boolean): number[] =>
    processesIn(namespace).filter(isMeant)
  // The one who would start it again goes first. systemd cannot, but lets one be that ends as if told to.
  for (const pid of find(isWatcher)) send(pid, 'SIGKILL')
  if (init === 'systemd') {
    for (const pid of find(isSshd)) send(pid, 'SIGTERM')
    const begin = performance.now()
    while (find(isSshd).length > 0 && performance.now() - begin < patienceMs) await sleep(10)
  }
  for (const pid of find(isSshd)) send(pid, 'SIGKILL')
}

const isWatcher = (pid: number): boolean => commandOf(pid).includes('--supervise ssh.service')
const isSshd = (pid: number): boolean => nameOf(pid).startsWith('sshd')

/** The table: what is compared with whom, and what is aimed at. */
import type { Job, PeerName } from './job.ts'

export interface Entrant {
  readonly name: string
  readonly peer: PeerName
  /** @default a connection that is there */
  readonly login?: Job['login']
  readonly way?: string
  readonly options?: readonly string[]
  /** @default every computer has it */
  readonly needs?: 'rsync'
  readonly isSlow?: boolean
  /** Gets one of the ten parts of the tree, and its figures are those times ten. */
  readonly isTenth?: boolean
}

export interface Goal {
  readonly peer: string
  /** Our time may be that many times the peer's. */
  readonly most: number
}

export type Content = 'file512' | 'file64' | 'tree'

export interface RowPlan {
  readonly id: string
  readonly title: string
  readonly task: Job['task']
  readonly isFar: boolean
  readonly rounds: number
  /** Commands a round. */
  readonly times: number
  /** What is carried. */
  readonly content?: Content
  /** The first one is ours. */
  readonly entrants: readonly Entrant[]
  /** With ssh2's native binding, or in pure JavaScript. */
  goals(isNative: boolean): Goal[]
}

export const roundTripMs = 50

const gcm = ['-c', 'aes128-gcm@openssh.com']

const ours: Entrant = { name: 'ours', peer: 'ours' }
const ssh2: Entrant = { name: 'ssh2', peer: 'ssh2' }
const nodeSsh: Entrant = { name: 'node-ssh', peer: 'node-ssh' }

const shared: Entrant = { name: 'ssh, ControlMaster', peer: 'openssh' }
const commandPeers = [ours, shared, ssh2, nodeSsh]

const loginPeers: Entrant[] = [
  { ...ours, login: 'counts' },
  { name: 'ssh', peer: 'openssh', login: 'counts' },
  {
    name: 'ssh, curve25519',
    peer: 'openssh',
    login: 'counts',
    options: ['-o', 'KexAlgorithms=curve25519-sha256'],
  },
  { ...ssh2, login: 'counts' },
  { ...nodeSsh, login: 'counts' },
]

const openssh = (name: string, way: string, options: readonly string[] = []): Entrant => ({
  name,
  peer: 'openssh',
  login: 'counts',
  way,
  options,
})

const rsync: Entrant = { ...openssh('rsync', 'rsync'), needs: 'rsync' }

const filePeers = (api: readonly [ssh2: string, nodeSsh: string]): Entrant[] => [
  ours,
  { ...ours, name: 'ours, login included', login: 'counts' },
  openssh('scp', 'scp'),
  openssh('scp, aes128-gcm', 'scp', gcm),
  openssh('ssh cat, aes128-gcm', 'cat', gcm),
  rsync,
  { ...ssh2, name: `ssh2 ${api[0]}`, isSlow: true },
  { ...nodeSsh, name: `node-ssh ${api[1]}`, isSlow: true },
]

const treePeers = (api: readonly [ssh2: string, nodeSsh: string]): Entrant[] => [
  ours,
  { name: 'tar | ssh, ControlMaster', peer: 'openssh', way: 'tar' },
  openssh('tar | ssh', 'tar'),
  { name: 'rsync, ControlMaster', peer: 'openssh', way: 'rsync', needs: 'rsync' },
  rsync,
  { ...openssh('scp -r', 'scp'), isSlow: true },
  { ...ssh2, name: `ssh2 ${api[0]}, 32 at once`, isSlow: true },
  // More than two minutes for all of it: each file waits several times for Nagle's algorithm.
  { ...nodeSsh, name: `node-ssh ${api[1]}, a tenth`, isSlow: true, isTenth: true },
]

const put = ['fastPut', 'putFile'] as const
const get = ['fastGet', 'getFile'] as const

export const rows: RowPlan[] = [
  {
    id: 'exec-0',
    title: '`true` on an open connection, 0 ms round trip',
    task: 'exec',
    isFar: false,
    rounds: 9,
    times: 10,
    entrants: commandPeers,
    goals: () => [{ peer: shared.name, most: 0.35 }],
  },
  {
    id: 'exec-50',
    title: `\`true\` on an open connection, ${roundTripMs} ms round trip`,
    task: 'exec',
    isFar: true,
    rounds: 7,
    times: 4,
    entrants: commandPeers,
    goals: () => [{ peer: shared.name, most: 0.55 }],
  },
  {
    id: 'eight-0',
    title: '`true` eight times at once, 0 ms round trip',
    task: 'atOnce',
    isFar: false,
    rounds: 9,
    times: 8,
    entrants: commandPeers,
    goals: () => [{ peer: shared.name, most: 0.35 }],
  },
  {
    id: 'cold-0',
    title: 'connect, log in, `true`, 0 ms round trip',
    task: 'cold',
    isFar: false,
    rounds: 9,
    times: 1,
    entrants: loginPeers,
    goals: () => [{ peer: 'ssh, curve25519', most: 0.3 }],
  },
  {
    id: 'cold-50',
    title: `connect, log in, \`true\`, ${roundTripMs} ms round trip`,
    task: 'cold',
    isFar: true,
    rounds: 7,
    times: 1,
    entrants: loginPeers,
    goals: () => [{ peer: 'ssh', most: 0.6 }],
  },
  {
    id: 'push-512',
    title: 'one file of 512 MiB to the machine, 0 ms round trip',
    task: 'push',
    isFar: false,
    rounds: 7,
    times: 1,
    content: 'file512',
    entrants: filePeers(put),
    goals: (isNative) => [{ peer: isNative ? 'scp, aes128-gcm' : 'scp', most: 1 }],
  },
  {
    id: 'pull-512',
    title: 'one file of 512 MiB from the machine, 0 ms round trip',
    task: 'pull',
    isFar: false,
    rounds: 7,
    times: 1,
    content: 'file512',
    entrants: filePeers(get),
    goals: (isNative) => [{ peer: isNative ? 'scp, aes128-gcm' : 'scp', most: 1 }],
  },
  {
    id: 'push-50',
    title: `one file of 64 MiB to the machine, ${roundTripMs} ms round trip`,
    task: 'push',
    isFar: true,
    rounds: 5,
    times: 1,
    content: 'file64',
    entrants: filePeers(put),
    goals: () => [{ peer: 'scp', most: 1 / 4 }],
  },
  {
    id: 'push-tree',
    title: '10,000 files, 61 MB, to the machine, 0 ms round trip',
    task: 'push',
    isFar: false,
    rounds: 7,
    times: 1,
    content: 'tree',
    entrants: treePeers(['fastPut', 'putDirectory']),
    goals: (isNative) => [
      { peer: 'tar | ssh, ControlMaster', most: isNative ? 1.1 : 1.5 },
      { peer: 'rsync, ControlMaster', most: 1 },
    ],
  },
  {
    id: 'pull-tree',
    title: '10,000 files, 61 MB, from the machine, 0 ms round trip',
    task: 'pull',
    isFar: false,
    rounds: 7,
    times: 1,
    content: 'tree',
    entrants: treePeers(['fastGet', 'getDirectory']),
    goals: () => [{ peer: 'tar | ssh, ControlMaster', most: 1.4 }],
  },
]

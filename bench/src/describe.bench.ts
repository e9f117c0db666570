/**
 * DescribeInstances where there is much to choose from. What is asked for is the same in both worlds, only the
 * number of instances beside it is not: the cost may grow with what is returned, not with what exists.
 */
import { Agent } from 'node:http'

import { type Endpoint, startEndpoint } from './endpoint-process.ts'
import { type Pair, timed } from './paired.ts'
import { signedForm } from './signed-form.ts'

/** At a time; each waits for its answer before it asks again. */
const clients = 4
const requests = 400
const pageSize = 100

interface World {
  readonly endpoint: Endpoint
  /** Of the one that carries the tag. */
  readonly id: string
}

const worlds = new Map<number, World>()
/** Requests a second, by case. */
const speeds = new Map<string, number>()

async function world(size: number): Promise<World> {
  const known = worlds.get(size)
  if (known !== undefined) return known
  const endpoint = await startEndpoint('none')
  const made = { endpoint, id: await fill(endpoint, size) }
  worlds.set(size, made)
  return made
}

/** @returns the id of the last one, the only one that has a tag of that value */
async function fill(endpoint: Endpoint, size: number): Promise<string> {
  const ask = (parameters: Record<string, string>): Promise<string> =>
    signedForm(endpoint, parameters)()
  const image = /<imageId>(ami-\w+)<\/imageId>/.exec(
    await ask({
      Action: 'DescribeImages',
      'Filter.1.Name': 'name',
      'Filter.1.Value.1': 'debian-13-amd64-*',
    }),
  )?.[1]
  const subnets = (await ask({ Action: 'DescribeSubnets' })).matchAll(
    /<subnetId>(.*?)<\/subnetId>/g,
  )
  const subnetIds = Array.from(subnets, ([, id = '']) => id)
  let last = ''
  // One subnet has room for some 4,000.
  for (let made = 0, turn = 0; made < size; turn++) {
    const count = Math.min(500, size - made)
    made += count
    // oxlint-disable-next-line no-await-in-loop -- the last one of all is marked
    last = await ask({
      Action: 'RunInstances',
      ImageId: image ?? '',
      InstanceType: 'm7i.large',
      SubnetId: subnetIds[turn % subnetIds.length] ?? '',
      MinCount: String(count),
      MaxCount: String(count),
      'TagSpecification.1.ResourceType': 'instance',
      'TagSpecification.1.Tag.1.Key': 'batch',
      'TagSpecification.1.Tag.1.Value': String(turn),
    })
  }
  const id = [...last.matchAll(/<instanceId>(.*?)<\/instanceId>/g)].at(-1)?.[1] ?? ''
  await ask({
    Action: 'CreateTags',
    'ResourceId.1': id,
    'Tag.1.Key': 'role',
    'Tag.1.Value': 'the one',
  })
  return id
}

/** Milliseconds for each of many requests. */
async function perRequest(
  size: number,
  question: (world: World) => Record<string, string>,
  expected: number,
): Promise<number> {
  const asked = await world(size)
  const agent = new Agent({ keepAlive: true, maxSockets: clients })
  const send = signedForm(
    asked.endpoint,
    { Action: 'DescribeInstances', ...question(asked) },
    agent,
  )
  const shown = (await send()).split('<instanceId>').length - 1
  if (shown !== expected) throw new Error(`${shown} instances are shown instead of ${expected}`)
  const took = await timed(() =>
    Promise.all(
      Array.from({ length: clients }, async () => {
        // oxlint-disable-next-line no-await-in-loop -- one after the other
        for (let count = 0; count < requests / clients; count++) await send()
      }),
    ),
  )
  agent.destroy()
  return took / requests
}

const byId = ({ id }: World) => ({ 'InstanceId.1': id })
const byTag = () => ({ 'Filter.1.Name': 'tag:role', 'Filter.1.Value.1': 'the one' })
const page = () => ({ MaxResults: String(pageSize) })

function compare(
  what: string,
  question: (world: World) => Record<string, string>,
  { size, peerSize, shown }: { size: number; peerSize: number; shown: number },
): Pair {
  const title = `${what}, ${size.toLocaleString('en')} instances`
  return {
    case: title,
    peerName: `${peerSize.toLocaleString('en')} instance${peerSize === 1 ? '' : 's'}`,
    rounds: 7,
    goal: 1.2,
    async ours() {
      const ms = await perRequest(size, question, shown)
      speeds.set(title, Math.max(speeds.get(title) ?? 0, 1000 / ms))
      return ms
    },
    peer: () => perRequest(peerSize, question, shown),
  }
}

export const pairs: Pair[] = [
  compare('by id', byId, { size: 100, peerSize: 1, shown: 1 }),
  compare('by id', byId, { size: 10_000, peerSize: 1, shown: 1 }),
  compare('by a tag that one has', byTag, { size: 100, peerSize: 1, shown: 1 }),
  compare('by a tag that one has', byTag, { size: 10_000, peerSize: 1, shown: 1 }),
  compare('a page of 100', page, { size: 10_000, peerSize: pageSize, shown: pageSize }),
]

export function notes(): string[] {
  return Array.from(
    speeds,
    ([title, speed]) => `${title}: up to ${Math.round(speed)} requests a second`,
  )
}

export async function close(): Promise<void> {
  await Promise.all([...worlds.values()].map(({ endpoint }) => endpoint[Symbol.asyncDispose]()))
}

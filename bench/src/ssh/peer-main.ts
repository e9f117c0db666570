/** The process of one peer: it is told what to do, and times it. */
import { writeFileSync } from 'node:fs'
import { Session } from 'node:inspector/promises'

import { type Answer, type Job, type Peer, peerNames } from './job.ts'

const name = peerNames.find((each) => each === process.argv[2])
const { peer }: { peer: Peer } = await import(`./peers/${name}.ts`)

process.on('disconnect', () => process.exit())
process.on('message', (job: Job) => {
  measure(job).then(answer, (error: unknown) =>
    answer({ error: error instanceof Error ? error.message : String(error) }),
  )
})

async function measure(job: Job): Promise<Answer> {
  const work = await peer.prepare(job)
  await using profile = job.profile === '' ? undefined : await startProfile(job.profile)
  const cpu = peer.cpuMs()
  const started = performance.now()
  const after = await work()
  const measured = { ms: performance.now() - started, cpuMs: peer.cpuMs() - cpu }
  await profile?.write()
  after?.()
  return measured
}

function answer(message: Answer): void {
  process.send?.(message)
}

async function startProfile(file: string): Promise<{ write(): Promise<void> } & AsyncDisposable> {
  const session = new Session()
  session.connect()
  await session.post('Profiler.enable')
  await session.post('Profiler.start')
  return {
    async write() {
      const { profile } = await session.post('Profiler.stop')
      writeFileSync(file, JSON.stringify(profile))
    },
    async [Symbol.asyncDispose]() {
      session.disconnect()
    },
  }
}

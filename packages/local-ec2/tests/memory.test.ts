/** Whatever is thrown at the endpoint, its memory comes back, or at least stops growing. */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { connect } from 'node:net'

import { DescribeVpcsCommand } from '@aws-sdk/client-ec2'
import { expect, onTestFinished, test } from 'vitest'

import { ec2Client, sendSigned } from './clients.ts'

const version = '2016-11-15'

/** A heap that needs more ends the process, and with it the test; what is not in the heap is limited by body.ts. */
const heapMib = 200

async function startEndpoint() {
  const child = fork(new URL('memory-endpoint.ts', import.meta.url), {
    execArgv: ['--expose-gc', `--max-old-space-size=${heapMib}`],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  const account: Parameters<typeof ec2Client>[0] = (await once(child, 'message'))[0]
  /** What it holds on to when all that can be thrown away is gone, in MiB. */
  async function heldMib(): Promise<number> {
    child.send('memory')
    const [mib]: number[] = await once(child, 'message')
    return mib ?? Number.NaN
  }
  return { account, heldMib }
}

type Account = Awaited<ReturnType<typeof startEndpoint>>['account']

const repeat = <T>(count: number, work: (index: number) => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: count }, (_, index) => work(index)))

const attacks: Record<string, (account: Account) => Promise<unknown>> = {
  async 'bodies of a megabyte'({ endpoint }) {
    const body = 'x'.repeat(1_000_000)
    await repeat(80, () =>
      fetch(endpoint, { method: 'POST', body }).then((answer) => answer.text()),
    )
  },
  async 'bodies of ten megabytes'({ endpoint }) {
    const body = 'x'.repeat(10_000_000)
    await repeat(8, () => fetch(endpoint, { method: 'POST', body }).then((answer) => answer.text()))
  },
  async 'connections that break off'({ endpoint }) {
    const port = Number(new URL(endpoint).port)
    await repeat(1000, async () => {
      const socket = connect(port, '127.0.0.1')
      await once(socket, 'connect')
      const head = 'POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n'
      await new Promise((resolve) => socket.write(head + 'x'.repeat(50_000), resolve))
      socket.destroy()
    })
  },
  async 'signed forms with all the names that are let in'(account) {
    const names = Array.from({ length: 49_000 }, (_, index) => `a${index}.b=`).join('&')
    const form = `Action=DescribeVpcs&Version=${version}&${names}`
    await repeat(12, () => sendSigned(account, { form }).then((answer) => answer.text()))
  },
  async 'many small questions'(account) {
    const client = ec2Client(account)
    for (let round = 0; round < 8; round++) {
      // oxlint-disable-next-line no-await-in-loop -- fifty at a time
      await repeat(50, () => client.send(new DescribeVpcsCommand({})))
    }
  },
}

test.each(Object.keys(attacks))('%s do not fill it', async (name) => {
  const { account, heldMib } = await startEndpoint()
  const attack = attacks[name] ?? (() => Promise.reject(new Error(name)))
  const idle = await heldMib()
  // oxlint-disable-next-line no-await-in-loop -- one after the other: what each leaves would add up
  for (let round = 0; round < 3; round++) await attack(account)
  // Code and what is parsed once of the model stay; what connections held goes when the kernel has told of their end.
  await expect.poll(heldMib, { timeout: 10_000 }).toBeLessThan(idle + 10)
  await ec2Client(account).send(new DescribeVpcsCommand({}))
})

/** Whatever is thrown at the endpoint, its memory comes back, or at least stops growing. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { createInterface } from 'node:readline'

import { DescribeVpcsCommand } from '@aws-sdk/client-ec2'
import { expect, onTestFinished, test } from 'vitest'

import { ec2Client, sendSigned } from './clients.ts'

const main = new URL('../src/cli/main.ts', import.meta.url).pathname
const version = '2016-11-15'

async function startEndpoint() {
  // In a process of its own: what the attackers need must not be counted.
  const child = spawn(process.execPath, [main, '--machine', 'none', '--json'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  onTestFinished(() => {
    child.kill('SIGKILL')
  })
  const [line] = await once(createInterface({ input: child.stdout }), 'line')
  const account: Parameters<typeof ec2Client>[0] = JSON.parse(line)
  const memoryMib = (): number =>
    Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1]) /
    1024
  return { account, memoryMib }
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
  const { account, memoryMib } = await startEndpoint()
  const attack = attacks[name] ?? (() => Promise.reject(new Error(name)))
  // The first time, buffers and heap grow to what such load needs.
  await attack(account)
  const before = memoryMib()
  await attack(account)
  await attack(account)
  expect(memoryMib() - before).toBeLessThan(120)
  expect(memoryMib()).toBeLessThan(400)
  await ec2Client(account).send(new DescribeVpcsCommand({}))
})

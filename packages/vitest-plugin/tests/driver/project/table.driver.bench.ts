import { remote, useInstance } from '@benchaway/vitest-plugin/driver'
import { describe, expect, test } from 'vitest'

import { sum } from './functions.ts'
import { types } from './types.ts'

describe('machines', () => {
  const first = useInstance({
    type: types[0],
    setup: async (machine) => {
      await machine.exec(`echo ${machine.type} >/tmp/type`)
      const { stdout } = await machine.exec([machine.node, '--version'])
      console.log(`node ${stdout.trim()} on the first`)
    },
  })
  const second = useInstance({
    type: types[1],
    userData: new TextEncoder().encode('#cloud-boothook\n#!/bin/sh\ntouch /run/by-user-data\n'),
    // Set up after the first, which it may therefore use.
    setup: async (machine) => {
      const { stdout } = await first.exec('cat /tmp/type')
      await machine.exec(
        `test ${stdout.trim()} = ${types[0]} && test ! -e /tmp/type && test -e /run/by-user-data`,
      )
    },
  })

  test('one table', async ({ bench }) => {
    const results = await bench.compare(
      bench('first', remote(import.meta, './functions.ts#sum', { on: first, args: [1000] })),
      bench('second', remote(import.meta, './functions.ts#sum', { on: second, args: [1000] })),
      bench('here', () => void sum(1000)),
      bench('little', remote(import.meta, './functions.ts#sum', { on: first, args: [1] })),
      { time: 50 },
    )
    expect(results.get('little')).toBeFasterThan(results.get('first'))
    expect(results.get('here').runtimeVersion).toBe(results.get('first').runtimeVersion)
  })

  test('who measures', async ({ bench }) => {
    const options = { time: 0, iterations: 1, warmup: false }
    const on = second
    const result = await bench(
      'host',
      { writeResult: './written.json' },
      remote(import.meta, './functions.ts#sayHost', { on }),
    ).run(options)
    console.log(
      `it is ip-${second.privateIp.replaceAll('.', '-')}, measured ${result.latency.samplesCount} times`,
    )
    expect(second.privateIp).not.toBe(first.privateIp)
    // Over their private addresses, machine to machine.
    const port = `${second.privateIp}/22`
    await first.exec(['bash', '-c', `exec 3<>/dev/tcp/${port}; head -c 4 <&3`])
  })
})

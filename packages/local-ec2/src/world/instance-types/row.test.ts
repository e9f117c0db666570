import { expect, test } from 'vitest'

import { type Family, graviton, intel } from './family.ts'
import { type InstanceType, readRow } from './row.ts'

const family: Family = {
  name: 'q1i',
  cpu: intel,
  ghz: 3.1,
  threadsPerCore: 2,
  has: 'current spot tpm',
  rows: '',
}

function read(row: string, changes: Partial<Family> = {}): InstanceType {
  return readRow({ ...family, ...changes }, row, 7)
}

test('a row is its columns', () => {
  expect(read('large 1 5.25 650/4750 3600/18750 27 3x10 0.75/10 8')).toEqual({
    name: 'q1i.large',
    order: 7,
    architecture: 'x86_64',
    manufacturer: 'Intel',
    ghz: 3.1,
    cores: 1,
    threadsPerCore: 2,
    vcpus: 2,
    validCores: [1],
    memoryMib: 5376,
    bareMetal: false,
    hypervisor: 'nitro',
    ena: 'required',
    ebs: {
      mbps: { baseline: 650, maximum: 4750 },
      throughput: { baseline: 81.25, maximum: 593.75 },
      iops: { baseline: 3600, maximum: 18_750 },
    },
    maxVolumes: 27,
    maxInterfaces: 3,
    addressesPerInterface: 10,
    networkPerformance: 'Up to 10 Gigabit',
    networkCards: [
      {
        maxInterfaces: 3,
        performance: 'Up to 10 Gigabit',
        gbps: { baseline: 0.75, maximum: 10 },
        queues: 8,
      },
    ],
    traits: new Set(['current', 'spot', 'tpm']),
  })
})

test.each([
  ['', [1, 2, 3, 4, 5, 6, 7, 8]],
  ['cores=2-8/3', [2, 5, 8]],
  ['cores=1,8', [1, 8]],
  ['cores=fixed', undefined],
])('of 8 cores may be asked for, with %j: %j', (exception, validCores) => {
  const type = read(`4xlarge 8 64 4750 18750 27 8x30 10 8 ${exception}`)
  expect(type.validCores).toEqual(validCores)
})

test('a single thread is no choice', () => {
  const single = read('medium 1 2 1 1 27 2x4 10 1', { cpu: graviton, threadsPerCore: 1 })
  expect(single.validCores).toBeUndefined()
})

test('bare metal has no hypervisor, nor what needs one, unless its row says so', () => {
  const metal = read('metal-24xl 48 384 1 1 31 15x50 25 8 +efa')
  expect(metal).toMatchObject({ bareMetal: true, ena: 'required' })
  expect(metal.hypervisor).toBeUndefined()
  expect(metal.validCores).toBeUndefined()
  expect(metal.traits).toEqual(new Set(['current', 'spot', 'efa']))
  expect(read('metal 48 384 1 1 31 15x50 25 8 +tpm').traits).toContain('tpm')
})

test('exceptions go before what follows from the columns', () => {
  const row = 'huge 96 1536 576/60000 240000 128 15x50 100 32/768/128'
  const all = `${row} ssd=16x7500 ghz=2.7 throughput=72.1 network=A_lot cards=8+7 card=Half -spot`
  expect(read(all)).toMatchObject({
    ghz: 2.7,
    ebs: { throughput: { baseline: 72.1, maximum: 7500 } },
    disks: { type: 'ssd', count: 16, sizeGb: 7500 },
    networkPerformance: 'A lot',
    networkCards: [
      {
        maxInterfaces: 8,
        performance: 'Half',
        queues: 32,
        maxQueues: 768,
        maxQueuesPerInterface: 128,
      },
      { maxInterfaces: 7, performance: 'Half' },
    ],
    traits: new Set(['current', 'tpm']),
  })
})

test('a trait that there is not is a mistake in the table', () => {
  expect(() => read('large 1 4 1 1 27 3x10 10 8 +wings')).toThrow(
    new TypeError('no trait of an instance type: wings'),
  )
})

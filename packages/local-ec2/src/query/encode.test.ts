import { expect, test } from 'vitest'

import { ec2Dialect } from './dialect.ts'
import { encodeOutput } from './encode.ts'
import { readModel } from './model.ts'

const operations = readModel('ec2')

function xmlOf(operation: string, output: object): string | undefined {
  return encodeOutput(operations.get(operation)?.output, output)
}

test('lists, booleans and times are written as EC2 writes them', () => {
  const instance = {
    InstanceId: 'i-1',
    EbsOptimized: false,
    LaunchTime: new Date('2024-01-01T00:00:00Z'),
    CpuOptions: { CoreCount: 2 },
    SecurityGroups: [],
    StateTransitionReason: '',
    KeyName: undefined,
  }
  expect(xmlOf('DescribeInstances', { Reservations: [{ Instances: [instance] }] })).toBe(
    '<reservationSet><item><instancesSet><item>' +
      '<ebsOptimized>false</ebsOptimized><groupSet></groupSet>' +
      '<cpuOptions><coreCount>2</coreCount></cpuOptions><instanceId>i-1</instanceId>' +
      '<reason></reason><launchTime>2024-01-01T00:00:00.000Z</launchTime>' +
      '</item></instancesSet></item></reservationSet>',
  )
  expect(xmlOf('DescribeInstances', { Reservations: [] })).toBe('<reservationSet></reservationSet>')
})

test.each([
  ['a<b & c>"d"', 'a&lt;b &amp; c&gt;&quot;d&quot;'],
  [']]>', ']]&gt;'],
  ['line\r\nnext\ttab', 'line&#xD;\nnext\ttab'],
  ['日本 ☃ 😀', '日本 ☃ 😀'],
  ['\0\u0008\u001b\u007f\ufffe', '\ufffd\ufffd\ufffd\u007f\ufffd'],
  ['half \ud83d a pair \ude00', 'half \ufffd a pair \ufffd'],
])('%j is text that any XML reader can read', (value, written) => {
  expect(xmlOf('DescribeTags', { Tags: [{ Value: value }] })).toBe(
    `<tagSet><item><value>${written}</value></item></tagSet>`,
  )
})

test('an operation without output says that it was done', () => {
  const envelope = { operation: 'DeleteTags', namespace: 'urn:ec2', requestId: 'r' }
  expect(ec2Dialect.response(envelope, xmlOf('DeleteTags', {}))).toBe(
    '<?xml version="1.0" encoding="UTF-8"?>\n<DeleteTagsResponse xmlns="urn:ec2"><requestId>r</requestId><return>true</return></DeleteTagsResponse>',
  )
})

test('an answer that is not of its shape is not sent', () => {
  expect(() => xmlOf('DescribeInstances', { Reservations: 'none' })).toThrow(
    new TypeError('an answer has string where a list belongs'),
  )
})

import { gzipSync } from 'node:zlib'

import { expect, test } from 'vitest'

import { parseUserData } from './user-data.ts'

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)

async function kinds(userData: string): Promise<string[]> {
  return (await parseUserData(bytes(userData))).parts.map(({ kind, name }) => `${kind} ${name}`)
}

test.each([
  ['#cloud-config\na: 1\n', 'cloud-config part-001'],
  ['#cloud-boothook\n#!/bin/sh\n', 'boothook part-001'],
  ['#!/bin/sh\n', 'script part-001'],
])('%j is known by its first line', async (text, expected) => {
  expect(await kinds(text)).toEqual([expected])
})

test('nothing is as good as no user-data', async () => {
  expect(await parseUserData(undefined)).toEqual({ parts: [], notes: [] })
  expect(await parseUserData(new Uint8Array())).toEqual({ parts: [], notes: [] })
})

test.each(['#include\nhttp://x/', '#cloud-config-archive\n[]', '## template: jinja\n', 'hello'])(
  '%j is named, not applied',
  async (text) => {
    expect(await parseUserData(bytes(text))).toEqual({
      parts: [],
      notes: ["user-data part 'part-001' (text/plain) is of a kind that is not applied"],
    })
  },
)

const message = [
  'MIME-Version: 1.0',
  'Content-Type: multipart/mixed; boundary="b"',
  '',
  '--b',
  'Content-Type: text/x-shellscript; charset="us-ascii"',
  'Content-Disposition: attachment; filename="../../etc/30 run"',
  '',
  '#!/bin/sh',
  'echo ö > /x',
  '--b',
  'Content-Type: text/cloud-config; charset="utf-8"',
  'Content-Transfer-Encoding: base64',
  '',
  btoa('#cloud-config\nb: 2\n'),
  '--b--',
  '',
]

test.each(['\n', '\r\n'])(
  'MIME with lines that end in %j is taken apart in its order',
  async (end) => {
    const { parts, notes } = await parseUserData(bytes(message.join(end)))
    expect(notes).toEqual([])
    expect(parts.map(({ kind, name }) => [kind, name])).toEqual([
      ['script', '.._.._etc_30_run'],
      ['cloud-config', 'part-002'],
    ])
    expect(new TextDecoder().decode(parts[0]?.bytes)).toMatch(
      /^#!\/bin\/sh\r?\necho ö > \/x\r?\n?$/,
    )
    expect(new TextDecoder().decode(parts[1]?.bytes)).toBe('#cloud-config\nb: 2\n')
  },
)

test('gzip is unpacked, around all and around a part', async () => {
  const inner = gzipSync('#cloud-config\n').toString('base64')
  const text = message.join('\n').replace(btoa('#cloud-config\nb: 2\n'), inner)
  const { parts } = await parseUserData(gzipSync(text))
  expect(new TextDecoder().decode(parts[1]?.bytes)).toBe('#cloud-config\n')
})

test('more than a MiB in all is refused, also when it comes in small parts', async () => {
  const part = `--b\nContent-Type: text/x-shellscript\n\n#!/bin/sh\n${'#'.repeat(100_000)}\n`
  const text = `MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary="b"\n\n${part.repeat(11)}--b--\n`
  expect(await parseUserData(gzipSync(text.slice(0, 900_000)))).toMatchObject({ notes: [] })
  const { parts, notes } = await parseUserData(bytes(text))
  expect(parts).toEqual([])
  expect(notes).toEqual(['user-data is not applied: more than 1048576 bytes in all'])
})

test('two parts of one name keep apart', async () => {
  const twin = ['--b', 'Content-Type: text/x-shellscript; name="a"', '', '#!/bin/sh']
  const text = [
    'MIME-Version: 1.0',
    'Content-Type: multipart/mixed; boundary="b"',
    '',
    ...twin,
    ...twin,
  ]
  expect(await kinds([...text, '--b--', ''].join('\n'))).toEqual(['script a', 'script a-002'])
})

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

test.each([
  ['#include\nhttp://x/', 'text/x-include-url'],
  ['#part-handler\n', 'text/part-handler'],
  ['## template: jinja\n', 'text/jinja2'],
  ['hello', 'text/x-not-multipart'],
])('%j is named, not applied', async (text, type) => {
  expect(await parseUserData(bytes(text))).toEqual({
    parts: [],
    notes: [`user-data part 'part-001' (${type}) is of a kind that is not applied`],
  })
})

test('an archive is a list of parts', async () => {
  const archive = `#cloud-config-archive
- "#!/bin/sh"
- {type: text/x-shellscript-per-boot, filename: b, content: "#!/bin/sh"}
- "a: 1"
`
  expect(await kinds(archive)).toEqual([
    'script part-001',
    'script-per-boot b',
    'cloud-config part-003',
  ])
})

const message = [
  'MIME-Version: 1.0',
  'Content-Type: multipart/mixed; boundary="b"',
  '',
  '--b',
  'Content-Type: text/x-shellscript; charset="us-ascii"',
  'Content-Disposition: attachment; filename="../../etc/30 run"',
  '',
  '#!/bin/sh',
  'echo hi > /x',
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
      ['script', '.._.._etc_30run'],
      ['cloud-config', 'part-002'],
    ])
    expect(new TextDecoder().decode(parts[0]?.bytes)).toMatch(/^#!\/bin\/sh\necho hi > \/x$/)
    expect(new TextDecoder().decode(parts[1]?.bytes)).toBe('#cloud-config\nb: 2\n')
  },
)

test('gzip is unpacked around all, and where a part says that it is that', async () => {
  const inner = gzipSync('#cloud-config\n').toString('base64')
  const within = (type: string): Uint8Array =>
    gzipSync(
      message
        .join('\n')
        .replace(btoa('#cloud-config\nb: 2\n'), inner)
        .replace('text/cloud-config', type),
    )
  const { parts } = await parseUserData(within('application/x-gzip'))
  expect(new TextDecoder().decode(parts[1]?.bytes)).toBe('#cloud-config\n')
  expect(await parseUserData(within('text/cloud-config'))).toMatchObject({
    parts: [{ kind: 'script' }],
    notes: [expect.stringMatching(/^user-data part 'part-002' is not applied: letters beyond/)],
  })
})

test.each([
  ['ö', undefined],
  ['→ 😀', String.raw`\u2192 \U0001f600`],
])('%s in a part that is not base64 ends as on EC2', async (letters, becomes) => {
  const text = message.join('\n').replace('hi', letters)
  const { parts } = await parseUserData(bytes(text))
  const script = parts.find(({ kind }) => kind === 'script')
  expect(script && new TextDecoder().decode(script.bytes)).toBe(
    becomes && `#!/bin/sh\necho ${becomes} > /x`,
  )
})

test('MIME is nested eight deep, and no deeper', async () => {
  const nested = (depth: number): string =>
    depth === 0
      ? 'Content-Type: text/x-shellscript\n\n#!/bin/sh\n'
      : `Content-Type: multipart/mixed; boundary="b${depth}"\n\n--b${depth}\n${nested(depth - 1)}--b${depth}--\n`
  expect(await kinds(`MIME-Version: 1.0\n${nested(8)}`)).toEqual(['script part-001'])
  expect(await parseUserData(bytes(`MIME-Version: 1.0\n${nested(9)}`))).toEqual({
    parts: [],
    notes: ['user-data is not applied: nested more than 8 deep'],
  })
})

test.each([
  ['blanks', ' '.repeat(900_000)],
  ['quotes', '"'.repeat(900_000)],
  ['semicolons', ';a='.repeat(300_000)],
  ['stars', 'a*0*1'.repeat(180_000)],
  ['a quote that is never closed', `x="${'\\"'.repeat(450_000)}`],
])('a header of %s takes no longer than another one', async (_, text) => {
  const begin = performance.now()
  await parseUserData(bytes(`MIME-Version: 1.0\nContent-Type: text/plain; ${text}x\n\n`))
  expect(performance.now() - begin).toBeLessThan(2000)
})

test('more than a MiB in all is refused, also when it comes in small parts', async () => {
  const part = `--b\nContent-Type: text/x-shellscript\n\n#!/bin/sh\n${'#'.repeat(100_000)}\n`
  const text = `MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary="b"\n\n${part.repeat(11)}--b--\n`
  expect(await parseUserData(gzipSync(text.slice(0, 900_000)))).toMatchObject({ notes: [] })
  const { parts, notes } = await parseUserData(bytes(text))
  expect(parts).toEqual([])
  expect(notes).toEqual(['user-data is not applied: more than 1048576 bytes in all'])
})

const manyParts = `MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n${'--b\n\n#!\n'.repeat(10_000)}`

test.each([
  ['an archive', `#cloud-config-archive\n${'- "#!"\n'.repeat(10_000)}`, '- "#!"\n'],
  ['MIME', manyParts, '--b\n\n#!\n'],
])(
  '%s of ten thousand parts is taken, and of one more it is as if there were none',
  async (_, most, more) => {
    const { parts, notes } = await parseUserData(bytes(most))
    expect([parts.length, notes]).toEqual([10_000, []])
    expect(await parseUserData(bytes(most + more))).toEqual({
      parts: [],
      notes: ['user-data is not applied: more than 10000 parts'],
    })
  },
)

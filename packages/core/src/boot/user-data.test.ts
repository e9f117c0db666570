import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { gunzipSync } from 'node:zlib'

import { expect, test, vi } from 'vitest'

import { publicLine } from '../keys/openssh.ts'
import { generateKeyPair } from '../keys/pair.ts'
import { userData } from './user-data.ts'
import { readUserData, type UserPart } from './user-parts.ts'

// Python takes seconds to start on a busy computer.
vi.setConfig({ testTimeout: 60_000 })

const hostKey = generateKeyPair()
const clientKey = generateKeyPair()
const limits = { graceMs: 600_000, ttlMs: 3_600_000, deadline: 1_800_000_000_000 }
const sent = userData({ hostKey, clientKey: clientKey.publicKey, limits })

interface Parsed {
  type: string
  name: string
  text: string
}

// Python's own mail parser reads it: it is what cloud-init uses.
function parsed(message: Uint8Array): Parsed[] {
  const program = `import email, json, sys
message = email.message_from_string(sys.stdin.buffer.read().decode())
print(json.dumps([{'type': p.get_content_type(), 'name': p.get_filename(), 'text': p.get_payload(decode=True).decode()} for p in message.walk() if not p.is_multipart()]))`
  const input = gunzipSync(message)
  return JSON.parse(execFileSync('python3', ['-c', program], { input, encoding: 'utf8' }))
}
const parts = parsed(sent)

test('the dead-man switch comes before the keys', () => {
  expect(parts.map(({ type, name }) => [type, name])).toEqual([
    ['text/cloud-boothook', 'dead-man'],
    ['text/cloud-config', 'logins'],
    ['text/cloud-config', 'keys'],
  ])
})

const withParts = (given: readonly UserPart[]): Parsed[] =>
  parsed(
    userData({
      hostKey,
      clientKey: clientKey.publicKey,
      limits,
      parts: readUserData('launch()', given),
    }),
  )

test("the user's parts come between the switch and the keys, byte by byte and in their order", () => {
  const given = [
    '#!/bin/sh\n\techo plain',
    '#!/bin/sh\r\necho windows\r\n',
    '#!/bin/sh\necho größer \u{1f600}\n--benchaway-part\n--benchaway-part--\n',
    '#cloud-config\nruncmd: [ls]\n',
    '#cloud-boothook\n#!/bin/sh\n',
  ]
  expect(withParts(given).slice(1, -2)).toEqual([
    { type: 'text/x-shellscript', name: 'part-1', text: given[0] },
    { type: 'text/x-shellscript', name: 'part-2', text: given[1] },
    { type: 'text/x-shellscript', name: 'part-3', text: given[2] },
    { type: 'text/cloud-config', name: 'part-4', text: given[3] },
    { type: 'text/cloud-boothook', name: 'part-5', text: given[4] },
  ])
})

test('names of parts sort as the parts do, however many there are', () => {
  const names = withParts(Array.from({ length: 1001 }, () => '#!/bin/sh\n')).slice(1, -2)
  expect(names.map(({ name }) => name)).toEqual(names.map(({ name }) => name).toSorted())
  expect(new Set(names.map(({ name }) => name)).size).toBe(1001)
})

test("the image's user is asked for only where a part has a list of users", () => {
  const asksFor = (part: string): boolean => {
    const given = readUserData('launch()', `#cloud-config\n${part}\n`)
    return gunzipSync(userData({ hostKey, clientKey: clientKey.publicKey, limits, parts: given }))
      .toString()
      .includes('\nusers:\n  - default\n')
  }
  expect(asksFor('users: [bench]')).toBe(true)
  expect(asksFor('{"users": ["bench"]}')).toBe(true)
  expect(asksFor('runcmd: [ls /srv/users]')).toBe(false)
  expect(asksFor('write_files:\n- content: |\n    users:')).toBe(false)
})

test('what is more than EC2 takes is refused, with how much that is', () => {
  const random = randomBytes(20_000).toString('base64')
  const large = readUserData('launch()', `#!/bin/sh\n# ${random}\n`)
  const build = (): unknown =>
    userData({ hostKey, clientKey: clientKey.publicKey, limits, parts: large })
  expect(build).toThrowError(
    expect.objectContaining({
      code: 'OPTION_INVALID',
      message: expect.stringMatching(
        /^user-data takes 2\d{4} bytes, \d{4} more than EC2 allows, although compressed$/,
      ),
      hint: 'Push what is large once the machine runs, or let a script fetch it.',
    }),
  )
})

test('it takes less than a fifth of the 16 KB that EC2 allows', () => {
  expect(sent.length).toBeLessThan(16_384 / 5)
})

test('the boothook is a script that bash accepts, and so is the switch inside it', () => {
  const script = parts[0]?.text ?? ''
  execFileSync('bash', ['-n'], { input: script })
  const inner = /cat >\S*\/dead-man\.new <<'EOS'.*?\n(.*?)\nEOS\n/s.exec(script)?.[1] ?? ''
  expect(inner).toMatch(/^#!\/bin\/bash\n/)
  execFileSync('bash', ['-n'], { input: inner })
})

test('it carries both public keys, and one private key: the one of the host', () => {
  const configs = parts.filter(({ type }) => type === 'text/cloud-config')
  for (const { text } of configs) expect(text).toMatch(/^#cloud-config\n/)
  const text = configs.map((config) => config.text).join('')
  expect(text).toContain(publicLine(hostKey.publicKey, 'benchaway'))
  expect(text).toContain(publicLine(clientKey.publicKey, 'benchaway'))
  const secrets = [...text.matchAll(/-----BEGIN OPENSSH PRIVATE KEY-----(.*?)-----END/gs)]
  expect(secrets).toHaveLength(1)
  const secret = Buffer.from(secrets[0]?.[1] ?? '', 'base64')
  expect(secret.includes(Buffer.from(hostKey.seed))).toBe(true)
  expect(secret.includes(Buffer.from(clientKey.seed))).toBe(false)
})

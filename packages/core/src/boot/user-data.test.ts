import { execFileSync } from 'node:child_process'
import { gunzipSync } from 'node:zlib'

import { expect, test } from 'vitest'

import { publicLine } from '../keys/openssh.ts'
import { generateKeyPair } from '../keys/pair.ts'
import { userData } from './user-data.ts'

const hostKey = generateKeyPair()
const clientKey = generateKeyPair()
const limits = { graceMs: 600_000, ttlMs: 3_600_000, deadline: 1_800_000_000_000 }
const sent = userData({ hostKey, clientKey: clientKey.publicKey, limits })

// Python's own mail and shell parsers read it: they are what cloud-init uses.
const parts: { type: string; name: string; text: string }[] = JSON.parse(
  execFileSync(
    'python3',
    [
      '-c',
      `import email, json, sys
message = email.message_from_bytes(sys.stdin.buffer.read())
print(json.dumps([{'type': p.get_content_type(), 'name': p.get_filename(), 'text': p.get_payload(decode=True).decode()} for p in message.walk() if not p.is_multipart()]))`,
    ],
    { input: gunzipSync(sent), encoding: 'utf8' },
  ),
)

test('the dead-man switch comes before the keys', () => {
  expect(parts.map(({ type, name }) => [type, name])).toEqual([
    ['text/cloud-boothook', 'dead-man'],
    ['text/cloud-config', 'keys'],
  ])
})

test('it takes less than a fifth of the 16 KB that EC2 allows', () => {
  expect(sent.length).toBeLessThan(16_384 / 5)
})

test('the boothook is a script that bash accepts, and so is the switch inside it', () => {
  const script = parts[0]?.text ?? ''
  execFileSync('bash', ['-n'], { input: script })
  const inner = /cat >\/run\/benchaway\/dead-man <<'EOS'\n(.*?)\nEOS\n/s.exec(script)?.[1] ?? ''
  expect(inner).toMatch(/^#!\/bin\/bash\n/)
  execFileSync('bash', ['-n'], { input: inner })
})

test('it carries both public keys, and one private key: the one of the host', () => {
  const text = parts[1]?.text ?? ''
  expect(text.startsWith('#cloud-config\n')).toBe(true)
  expect(text).toContain(publicLine(hostKey.publicKey, 'benchaway'))
  expect(text).toContain(publicLine(clientKey.publicKey, 'benchaway'))
  const secrets = [...text.matchAll(/-----BEGIN OPENSSH PRIVATE KEY-----(.*?)-----END/gs)]
  expect(secrets).toHaveLength(1)
  const secret = Buffer.from(secrets[0]?.[1] ?? '', 'base64')
  expect(secret.includes(Buffer.from(hostKey.seed))).toBe(true)
  expect(secret.includes(Buffer.from(clientKey.seed))).toBe(false)
})

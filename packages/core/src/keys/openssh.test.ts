import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'

import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { fingerprint, knownHostsLine, privateText, publicBlob, publicLine } from './openssh.ts'
import { generateKeyPair } from './pair.ts'

describe('the text of a key agrees with ssh-keygen', () => {
  let folder: string
  beforeAll(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'benchaway-keys-'))
  })
  afterAll(() => rmSync(folder, { recursive: true }))

  const keygen = (...args: string[]): string =>
    execFileSync('ssh-keygen', args, { cwd: folder, encoding: 'utf8' }).trim()

  // The comment's length decides how much padding the private part needs: all eight cases.
  test.each(['', 'a', 'ab', 'abc', 'abcd', 'abcde', 'abcdef', 'abcdefg'])(
    'ssh-keygen reads our private key with the comment %j and derives our public line',
    (comment) => {
      const pair = generateKeyPair()
      writeFileSync(path.join(folder, 'key'), privateText(pair, comment), { mode: 0o600 })
      expect(keygen('-y', '-f', 'key')).toBe(publicLine(pair.publicKey, comment).trim())
    },
  )

  test('the fingerprint is the one that ssh-keygen prints', () => {
    const pair = generateKeyPair()
    writeFileSync(path.join(folder, 'key.pub'), publicLine(pair.publicKey, 'somebody'))
    expect(keygen('-l', '-f', 'key.pub')).toBe(
      `256 ${fingerprint(publicBlob(pair.publicKey))} somebody (ED25519)`,
    )
  })

  test.each([
    ['192.0.2.1', 22, '192.0.2.1'],
    ['192.0.2.1', 2222, '[192.0.2.1]:2222'],
    ['2001:db8::1', 22, '2001:db8::1'],
  ])('ssh-keygen finds %s port %i in our known_hosts line', (host, port, name) => {
    const pair = generateKeyPair()
    const line = knownHostsLine(host, port, pair.publicKey)
    writeFileSync(path.join(folder, 'known_hosts'), `${line}\n`)
    expect(keygen('-F', name, '-f', 'known_hosts').split('\n').at(-1)).toBe(line)
  })

  test('two pairs differ', () => {
    expect(generateKeyPair().seed).not.toEqual(generateKeyPair().seed)
  })
})

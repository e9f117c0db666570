import { execFile } from 'node:child_process'
import { createHash, createPrivateKey, createPublicKey } from 'node:crypto'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

import {
  CreateKeyPairCommand,
  type CreateKeyPairCommandInput,
  DeleteKeyPairCommand,
  DescribeKeyPairsCommand,
  type DescribeKeyPairsCommandInput,
  type EC2Client,
  ImportKeyPairCommand,
} from '@aws-sdk/client-ec2'
import { afterAll, beforeAll, expect, test } from 'vitest'

import { type LocalEc2, startLocalEc2 } from '../src/index.ts'
import { ec2Client, refusal } from './clients.ts'

const run = promisify(execFile)
let local: LocalEc2
let client: EC2Client
let directory: string

beforeAll(async () => {
  local = await startLocalEc2({ machine: 'none' })
  client = ec2Client(local)
  directory = await mkdtemp(join(tmpdir(), 'local-ec2-key-pairs-'))
})
afterAll(async () => {
  await local.close()
  await rm(directory, { recursive: true })
})

function create(KeyName: string, input: Partial<CreateKeyPairCommandInput> = {}) {
  return client.send(new CreateKeyPairCommand({ KeyName, ...input }))
}

function importKey(KeyName: string, material: string | Uint8Array) {
  const PublicKeyMaterial = Buffer.from(material)
  return client.send(new ImportKeyPairCommand({ KeyName, PublicKeyMaterial }))
}

async function describe(input: DescribeKeyPairsCommandInput) {
  const { KeyPairs = [] } = await client.send(new DescribeKeyPairsCommand(input))
  return KeyPairs
}

/** What ssh-keygen says about a private key. */
async function sshKeygen(pem: string, ...parameters: string[]): Promise<string> {
  const file = join(directory, 'key')
  await writeFile(file, pem, { mode: 0o600 })
  const { stdout } = await run('ssh-keygen', [...parameters, '-f', file])
  await rm(file)
  return stdout.trim()
}

/** A key pair that ssh-keygen made: the text of its public half. */
async function foreignKey(...parameters: string[]): Promise<{ file: string; publicKey: string }> {
  const file = join(directory, parameters.join(''))
  await run('ssh-keygen', ['-q', '-N', '', '-C', 'me@home', '-f', file, ...parameters])
  return { file, publicKey: await readFile(`${file}.pub`, 'utf8') }
}

function colons(algorithm: string, bytes: Uint8Array): string {
  return createHash(algorithm)
    .update(bytes)
    .digest('hex')
    .replaceAll(/..(?!$)/g, '$&:')
}

test.each([
  ['rsa', '-----BEGIN RSA PRIVATE KEY-----', /^ssh-rsa AAAA/],
  ['ed25519', '-----BEGIN OPENSSH PRIVATE KEY-----', /^ssh-ed25519 AAAA/],
] as const)(
  'ssh-keygen reads a new %s key, and sees the public key that is kept',
  async (type, head, start) => {
    const name = `new ${type}`
    const { KeyMaterial = '', KeyPairId, KeyFingerprint } = await create(name, { KeyType: type })
    expect(KeyMaterial.split('\n')[0]).toBe(head)
    expect(KeyPairId).toMatch(/^key-[0-9a-f]{17}$/)
    const [pair] = await describe({ KeyNames: [name], IncludePublicKey: true })
    expect(pair).toEqual({
      KeyPairId,
      KeyName: name,
      KeyType: type,
      KeyFingerprint,
      PublicKey: expect.stringMatching(start),
      Tags: [],
      CreateTime: expect.any(Date),
    })
    const [word, base64] = (await sshKeygen(KeyMaterial, '-y')).split(' ')
    expect(pair?.PublicKey).toBe(`${word} ${base64} ${name}`)
  },
)

test('a new key is RSA with 2048 bits unless something else is asked for', async () => {
  const { KeyMaterial = '' } = await create('usual')
  expect(await sshKeygen(KeyMaterial, '-l')).toMatch(/^2048 .*\(RSA\)$/)
})

test('the fingerprint of a new RSA key is the SHA-1 of its PKCS#8 form', async () => {
  const { KeyMaterial = '', KeyFingerprint } = await create('rsa-print')
  const der = createPrivateKey(KeyMaterial).export({ format: 'der', type: 'pkcs8' })
  expect(KeyFingerprint).toBe(colons('sha1', der))
})

test('the fingerprint of an ed25519 key is what ssh-keygen prints, padded', async () => {
  const { KeyMaterial = '', KeyFingerprint } = await create('ed-print', { KeyType: 'ed25519' })
  const [, printed] = /SHA256:(\S+)/.exec(await sshKeygen(KeyMaterial, '-l')) ?? []
  expect(KeyFingerprint).toBe(`${printed}=`)

  const { publicKey } = await foreignKey('-t', 'ed25519')
  const { stdout } = await run('ssh-keygen', ['-l', '-f', join(directory, '-ted25519.pub')])
  const [, foreign] = /SHA256:(\S+)/.exec(stdout) ?? []
  expect((await importKey('ed-imported', publicKey)).KeyFingerprint).toBe(`${foreign}=`)
})

test('an imported RSA key has the MD5 of its public key as fingerprint, in whatever form it came', async () => {
  const { file, publicKey } = await foreignKey('-t', 'rsa', '-b', '2048')
  const { stdout: rfc4716 } = await run('ssh-keygen', ['-e', '-f', `${file}.pub`])
  const { stdout: pem } = await run('ssh-keygen', ['-e', '-m', 'PKCS8', '-f', `${file}.pub`])
  expect(rfc4716).toMatch(/^Comment: /m)
  const der = createPublicKey(pem).export({ format: 'der', type: 'spki' })
  const forms = { publicKey, rfc4716, pem, der, base64: der.toString('base64') }
  for (const [form, material] of Object.entries(forms)) {
    const name = `imported as ${form}`
    expect((await importKey(name, material)).KeyFingerprint).toBe(colons('md5', der))
    const [pair] = await describe({ KeyNames: [name], IncludePublicKey: true })
    const [word, base64] = publicKey.split(' ')
    // The comment that it came with gives way to its name.
    expect(pair).toMatchObject({ KeyType: 'rsa', PublicKey: `${word} ${base64} ${name}` })
  }
})

test.each([
  ['nothing', ''],
  ['garbage', 'garbage'],
  ['a line cut short', 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAA'],
  ['one type said and another meant', `ssh-rsa ${ed25519Blob()}`],
  ['two lines', `ssh-ed25519 ${ed25519Blob()}\nssh-ed25519 ${ed25519Blob()}`],
  ['what is too long for any key', `a${' '.repeat(500_000)}!`],
  ['options before the key', `no-pty ssh-ed25519 ${ed25519Blob()}`],
])('%s is no public key', async (_, material) => {
  expect(await refusal(importKey('refused', material))).toEqual({
    code: 'InvalidKey.Format',
    status: 400,
    message: 'Key is not in valid OpenSSH public key format',
  })
})

test('a key that is neither RSA nor ed25519 is refused', async () => {
  const { publicKey } = await foreignKey('-t', 'ecdsa')
  expect(await refusal(importKey('ecdsa', publicKey))).toMatchObject({ code: 'InvalidKey.Format' })
})

test('a private key is no public key, although one follows from it', async () => {
  const { KeyMaterial = '' } = await create('secret')
  const key = createPrivateKey(KeyMaterial)
  const der = key.export({ format: 'der', type: 'pkcs8' })
  const pkcs8 = key.export({ format: 'pem', type: 'pkcs8' }).toString()
  for (const material of [KeyMaterial, pkcs8, der, der.toString('base64')]) {
    expect(await refusal(importKey('refused', material))).toMatchObject({
      code: 'InvalidKey.Format',
    })
  }
})

function ed25519Blob(): string {
  return Buffer.concat([
    Buffer.from([0, 0, 0, 11]),
    Buffer.from('ssh-ed25519'),
    Buffer.from([0, 0, 0, 32]),
    Buffer.alloc(32, 9),
  ]).toString('base64')
}

test('a name is there once, however it came, and free again after deletion', async () => {
  const { KeyPairId } = await create('once')
  const duplicate = {
    code: 'InvalidKeyPair.Duplicate',
    status: 400,
    message: "The keypair 'once' already exists.",
  }
  expect(await refusal(create('once'))).toEqual(duplicate)
  expect(await refusal(importKey('once', `ssh-ed25519 ${ed25519Blob()}`))).toEqual(duplicate)
  expect(await client.send(new DeleteKeyPairCommand({ KeyName: 'once' }))).toMatchObject({
    Return: true,
    KeyPairId,
  })
  await importKey('once', `ssh-ed25519 ${ed25519Blob()}`)
})

test.each([
  ['', 'MissingParameter', 'The request must contain the parameter KeyName'],
  [
    'x'.repeat(256),
    'InvalidParameterValue',
    `Value (${'x'.repeat(256)}) for parameter KeyName is invalid. Length exceeds maximum of 255.`,
  ],
  [
    'schlüssel',
    'InvalidParameterValue',
    'Value (schlüssel) for parameter KeyName is invalid. Character sets beyond ASCII are not supported.',
  ],
])('the name %j is refused', async (name, code, message) => {
  expect(await refusal(create(name))).toEqual({ code, status: 400, message })
})

test('a format that is not implemented is refused, one that is none in other words', async () => {
  expect(await refusal(create('ppk', { KeyFormat: 'ppk' }))).toMatchObject({
    code: 'UnsupportedOperation',
  })
  const odd = new CreateKeyPairCommand({ KeyName: 'odd' })
  Object.assign(odd.input, { KeyType: 'dsa' })
  expect(await refusal(client.send(odd))).toEqual({
    code: 'InvalidParameterValue',
    status: 400,
    message: 'Value (dsa) for parameter KeyType is invalid.',
  })
})

test('pairs are found by name, by id, by filter and by tag', async () => {
  const Tags = [{ Key: 'run', Value: '7' }]
  const { KeyPairId = '', KeyFingerprint = '' } = await create('found', {
    KeyType: 'ed25519',
    TagSpecifications: [{ ResourceType: 'key-pair', Tags }],
  })
  for (const input of [
    { KeyNames: ['found'] },
    { KeyPairIds: [KeyPairId] },
    { Filters: [{ Name: 'key-name', Values: ['foun*'] }] },
    { Filters: [{ Name: 'fingerprint', Values: [KeyFingerprint] }] },
    { Filters: [{ Name: 'key-pair-id', Values: [KeyPairId] }] },
    { Filters: [{ Name: 'tag:run', Values: ['7'] }] },
    { Filters: [{ Name: 'tag-key', Values: ['run'] }] },
  ]) {
    expect(await describe(input)).toMatchObject([{ KeyName: 'found', Tags }])
  }
  const [{ PublicKey } = {}] = await describe({ KeyNames: ['found'] })
  expect(PublicKey).toBeUndefined()
})

test.each<[string, DescribeKeyPairsCommandInput, string, string]>([
  [
    'name',
    { KeyNames: ['nobody'] },
    'InvalidKeyPair.NotFound',
    "The key pair 'nobody' does not exist",
  ],
  [
    'id',
    { KeyPairIds: ['key-0123456789abcdef0'] },
    'InvalidKeyPair.NotFound',
    "The key pair 'key-0123456789abcdef0' does not exist",
  ],
  [
    'id that is none',
    { KeyPairIds: ['key-x'] },
    'InvalidParameterValue',
    'Invalid id: "key-x" (expecting "key-...")',
  ],
])('an unknown %s is refused', async (_, input, code, message) => {
  expect(await refusal(describe(input))).toEqual({ code, status: 400, message })
})

test('deleting what is not there succeeds, by name and by id', async () => {
  for (const input of [{ KeyName: 'nobody' }, { KeyPairId: 'key-0123456789abcdef0' }]) {
    const { Return, KeyPairId } = await client.send(new DeleteKeyPairCommand(input))
    expect({ Return, KeyPairId }).toEqual({ Return: true, KeyPairId: undefined })
  }
  const { KeyPairId } = await create('by-id', { KeyType: 'ed25519' })
  await client.send(new DeleteKeyPairCommand({ KeyPairId }))
  expect(await refusal(describe({ KeyNames: ['by-id'] }))).toMatchObject({
    code: 'InvalidKeyPair.NotFound',
  })
})

test('a dry run makes and deletes nothing', async () => {
  await create('stays', { KeyType: 'ed25519' })
  for (const call of [
    create('never', { DryRun: true }),
    client.send(new DeleteKeyPairCommand({ KeyName: 'stays', DryRun: true })),
  ]) {
    expect(await refusal(call)).toMatchObject({ code: 'DryRunOperation', status: 412 })
  }
  expect(await describe({ KeyNames: ['stays'] })).toHaveLength(1)
  expect(await refusal(describe({ KeyNames: ['never'] }))).toMatchObject({
    code: 'InvalidKeyPair.NotFound',
  })
})

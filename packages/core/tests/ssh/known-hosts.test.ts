import { execFile } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import path from 'node:path'
import { promisify } from 'node:util'

import { describe, expect, test } from 'vitest'

import { publicBlob } from '../../src/keys/openssh.ts'
import { generateKeyPair } from '../../src/keys/pair.ts'
import { writeSshConfig } from '../../src/ssh/write-ssh-config.ts'
import { type Sshd, startSshd } from '../sshd.ts'

const run = promisify(execFile)
const shell = (line: string): Promise<{ stdout: string }> => run('sh', ['-c', line])
const mode = (file: string): string => (statSync(file).mode & 0o777).toString(8)

function logOf(sshd: Sshd): () => string {
  let text = ''
  sshd.process.stderr?.on('data', (chunk: Buffer) => {
    text += chunk.toString()
  })
  return () => text
}

describe("OpenSSH's own client, in a folder with a space, a dollar and a percent sign in its name", () => {
  test('logs in and copies both ways, over ssh, scp and sftp', async () => {
    await using sshd = await startSshd({ more: ['Subsystem sftp internal-sftp'] })
    const folder = path.join(sshd.folder, 'a folder; of $HOME 100%h')
    const written = await writeSshConfig([{ name: 'i-0123', target: sshd.target }], folder)
    expect((await shell(`${written.command('i-0123')} echo hello`)).stdout).toBe('hello\n')
    writeFileSync(path.join(sshd.folder, 'near'), 'content')
    const config = ['-q', '-F', written.config]
    await run('scp', [...config, path.join(sshd.folder, 'near'), `i-0123:${sshd.folder}/far`])
    await run('scp', [...config, `i-0123:${sshd.folder}/far`, path.join(sshd.folder, 'back')])
    expect(readFileSync(path.join(sshd.folder, 'back'), 'utf8')).toBe('content')
    const batch = path.join(sshd.folder, 'batch')
    writeFileSync(batch, `get ${sshd.folder}/far ${sshd.folder}/again\n`)
    await run('sftp', [...config, '-b', batch, 'i-0123'])
    expect(readFileSync(path.join(sshd.folder, 'again'), 'utf8')).toBe('content')
  })

  test('reaches a machine through another one', async () => {
    await using gate = await startSshd({ more: ['LogLevel DEBUG1'] })
    await using inner = await startSshd()
    const log = logOf(gate)
    const folder = path.join(gate.folder, 'a folder; of $mine 100%h')
    const written = await writeSshConfig(
      [
        { name: 'inner', target: inner.target, via: 'gate' },
        { name: 'gate', target: gate.target },
      ],
      folder,
    )
    expect((await shell(`${written.command('inner')} echo inside`)).stdout).toBe('inside\n')
    expect(log()).toContain(`target 127.0.0.1 port ${inner.target.port}`)
  })
})

test('a foreign host key is refused, and no other file of known hosts is asked or changed', async () => {
  await using sshd = await startSshd()
  const log = logOf(sshd)
  const hostKey = publicBlob(generateKeyPair().publicKey)
  const target = { ...sshd.target, hostKey }
  const folder = path.join(sshd.folder, 'ssh')
  const written = await writeSshConfig([{ name: 'machine', target }], folder)
  const before = readFileSync(path.join(folder, 'known_hosts'), 'utf8')
  await expect(shell(`${written.command('machine')} true`)).rejects.toMatchObject({
    code: 255,
    stderr: expect.stringContaining('Host key verification failed.'),
  })
  expect(log()).not.toContain('Accepted')
  expect(readFileSync(path.join(folder, 'known_hosts'), 'utf8')).toBe(before)
})

test('an Include at the top of the own config wins over what follows, other connections among it', async () => {
  await using sshd = await startSshd()
  const { config } = await writeSshConfig(
    [{ name: 'machine', target: sshd.target }],
    path.join(sshd.folder, 'ssh'),
  )
  const own = path.join(sshd.folder, 'own')
  writeFileSync(
    own,
    `Include ${config}\nHost *\n  User nobody\n  StrictHostKeyChecking no\n  ControlPath ${own}.sock\n`,
  )
  expect((await run('ssh', ['-F', own, 'machine', 'whoami'])).stdout.trim()).toBe(sshd.target.user)
  expect((await run('ssh', ['-F', own, '-G', 'machine'])).stdout).not.toContain('.sock')
})

const hasRsync = await run('rsync', ['--version']).then(
  () => true,
  () => false,
)
test.skipIf(!hasRsync)('rsync copies a folder (skipped where there is no rsync)', async () => {
  await using sshd = await startSshd()
  const { config } = await writeSshConfig(
    [{ name: 'machine', target: sshd.target }],
    path.join(sshd.folder, 'ssh'),
  )
  const far = path.join(sshd.folder, 'far')
  await run('rsync', ['-a', '-e', `ssh -F ${config}`, path.dirname(config), `machine:${far}`])
  expect(readFileSync(path.join(far, 'ssh', 'config'), 'utf8')).toBe(readFileSync(config, 'utf8'))
})

test('the address finds its key in known_hosts as well as the name', async () => {
  await using sshd = await startSshd()
  const folder = path.join(sshd.folder, 'ssh')
  await writeSshConfig([{ name: 'machine', target: sshd.target }], folder)
  const find = (name: string): Promise<{ stdout: string }> =>
    run('ssh-keygen', ['-F', name, '-f', path.join(folder, 'known_hosts')])
  const key = `ssh-ed25519 ${Buffer.from(sshd.target.hostKey).toString('base64')}`
  expect((await find('machine')).stdout).toContain(key)
  expect((await find(`[127.0.0.1]:${sshd.target.port}`)).stdout).toContain(key)
})

describe('what is written', () => {
  test('is for nobody else, and replaces what was there and what a link leads to stays', async () => {
    await using sshd = await startSshd()
    const folder = path.join(sshd.folder, 'ssh')
    const hosts = [{ name: 'machine', target: sshd.target }]
    await writeSshConfig(hosts, folder)
    const precious = path.join(sshd.folder, 'precious')
    writeFileSync(precious, 'mine')
    const key = path.join(folder, 'machine.key')
    await run('ln', ['-sf', precious, key])
    await writeSshConfig(hosts, folder)
    expect(readFileSync(precious, 'utf8')).toBe('mine')
    expect(mode(folder)).toBe('700')
    expect(readdirSync(folder).toSorted()).toEqual(['config', 'known_hosts', 'machine.key'])
    for (const name of readdirSync(folder)) expect(mode(path.join(folder, name))).toBe('600')
    expect(readFileSync(key, 'utf8')).toBe(sshd.target.privateKey)
  })

  test('does not go into a folder that others may write to, nor through a link', async () => {
    await using sshd = await startSshd()
    const hosts = [{ name: 'machine', target: sshd.target }]
    const open = path.join(sshd.folder, 'open')
    mkdirSync(open)
    chmodSync(open, 0o777)
    await expect(writeSshConfig(hosts, open)).rejects.toMatchObject({
      code: 'OPTION_INVALID',
      message: `${open} cannot hold an ssh config: others may write to it`,
      hint: 'Use a new folder in one of yours.',
    })
    const link = path.join(sshd.folder, 'link')
    symlinkSync(sshd.folder, link)
    await expect(writeSshConfig(hosts, link)).rejects.toMatchObject({
      code: 'OPTION_INVALID',
      message: `${link} cannot hold an ssh config: it is no folder`,
    })
    expect(readdirSync(open)).toEqual([])
  })

  test.each([
    ['a\n  ProxyCommand touch /tmp/owned', 'root', undefined],
    ['*', 'root', undefined],
    ['-oProxyCommand=x', 'root', undefined],
    ['../machine', 'root', undefined],
    ['machine', 'root\nLocalCommand x', undefined],
    ['machine', 'root', 'nobody-knows'],
  ])('the name %j, user %j and way %j are refused', async (name, user, via) => {
    await using sshd = await startSshd()
    const folder = path.join(sshd.folder, 'ssh')
    const target = { ...sshd.target, user }
    await expect(writeSshConfig([{ name, target, via }], folder)).rejects.toMatchObject({
      code: 'OPTION_INVALID',
    })
    expect(existsSync(folder)).toBe(false)
  })
})

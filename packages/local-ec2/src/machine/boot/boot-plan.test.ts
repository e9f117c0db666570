import { expect, test } from 'vitest'

import { type BootPlan, planBoot } from './boot-plan.ts'

function plan(...configs: string[]): BootPlan {
  const parts = configs.map((text, index) => ({
    kind: 'cloud-config' as const,
    name: `part-${index}`,
    bytes: new TextEncoder().encode(`#cloud-config\n${text}`),
  }))
  return planBoot({ parts, notes: [] })
}

test('without user-data a machine makes one host key and lets nobody in', () => {
  expect(planBoot({ parts: [], notes: [] })).toMatchObject({
    defaultUser: true,
    authorizedKeys: [],
    hostKeys: [],
    generateHostKeys: ['ed25519'],
    notes: [],
  })
})

test('a later part replaces a key of an earlier one, as in cloud-init', () => {
  const { bootCommands, authorizedKeys } = plan(
    'bootcmd: [one]\nssh_authorized_keys: [a]',
    'bootcmd: [[two, "it\'s"]]',
  )
  expect(bootCommands).toEqual([String.raw`'two' 'it'\''s'`])
  expect(authorizedKeys).toEqual(['a'])
})

test('keys of key pairs come before those of the user-data, unless it does not want them', () => {
  const both = (text: string): string[] => {
    const bytes = new TextEncoder().encode(`#cloud-config\n${text}`)
    const part = { kind: 'cloud-config' as const, name: 'c', bytes }
    return planBoot({ parts: [part], notes: [] }, ['pair']).authorizedKeys
  }
  expect(planBoot({ parts: [], notes: [] }, ['pair']).authorizedKeys).toEqual(['pair'])
  expect(both('ssh_authorized_keys: [own]')).toEqual(['pair', 'own'])
  expect(both('allow_public_ssh_keys: false\nssh_authorized_keys: [own]')).toEqual(['own'])
})

test('the metadata service is given up when that is asked for', () => {
  expect(plan('disable_ec2_metadata: true').disableMetadata).toBe(true)
  expect(plan('ssh_deletekeys: true').disableMetadata).toBe(false)
})

test('a private key keeps its lines, and needs no public one', () => {
  const { hostKeys } = plan('ssh_keys:\n  ed25519_private: |\n    -----BEGIN\n    AAA\n')
  expect(hostKeys.slice(2)).toEqual([
    {
      type: 'ed25519',
      private: '-----BEGIN\nAAA\n',
      public: undefined,
      certificate: undefined,
    },
  ])
})

test('YAML is of version 1.1: yes is true, 0644 is octal', () => {
  const { files, deleteHostKeys } = plan(
    'ssh_deletekeys: no\nwrite_files: [{path: /a, content: x, permissions: 0640, append: yes}]',
  )
  expect(deleteHostKeys).toBe(false)
  expect(files).toMatchObject([{ path: '/a', mode: '640', append: true }])
})

test('the content of a file is decoded; what has another encoding is a text', () => {
  const { files, notes } = plan(
    'write_files:\n - {path: /a, content: aGk=, encoding: b64}\n - {path: b, content: x, encoding: rot13}',
  )
  expect(files.map(({ path, bytes }) => [path, new TextDecoder().decode(bytes)])).toEqual([
    ['/a', 'hi'],
    ['/b', 'x'],
  ])
  expect(notes).toEqual([])
})

test('after a file that cannot be written none is, of those that are written at the same time', () => {
  const { files, notes } = plan(`write_files:
  - {path: /a, content: x}
  - {path: /b, content: 5}
  - {path: /c, content: x}
  - {path: /d, content: x, defer: true}
`)
  expect(files.map(({ path }) => path)).toEqual(['/a', '/d'])
  expect(notes).toEqual([
    'file "/b" of write_files and those after it are not written: its content is not a text',
  ])
})

test('scripts run in order of their names, runcmd among them; of one name the last', () => {
  const script = (
    name: string,
    text = '',
  ): { kind: 'script'; name: string; bytes: Uint8Array } => ({
    kind: 'script',
    name,
    bytes: new TextEncoder().encode(text),
  })
  const config = {
    kind: 'cloud-config' as const,
    name: 'c',
    bytes: new TextEncoder().encode('runcmd: [a]'),
  }
  const parts = [script('z', 'first'), script('b'), config, script('z', 'last')]
  const { user } = planBoot({ parts, notes: [] }).scripts
  expect(user.map(({ name, bytes }) => [name, new TextDecoder().decode(bytes)])).toEqual([
    ['b', ''],
    ['runcmd', '#!/bin/sh\na\n'],
    ['z', 'last'],
  ])
})

test('words of a command are what Python makes of them', () => {
  const { bootCommands } = plan("bootcmd: [[a, yes, null, 0644, 2001-01-01, 1e3, it's]]")
  expect(bootCommands).toEqual([String.raw`'a' 'True' 'None' '420' '2001-01-01' '1e3' 'it'\''s'`])
})

test('users without default means that the default user is not there', () => {
  expect(plan('users: [{name: eve, groups: "adm, sudo", shell: /bin/bash}]')).toMatchObject({
    defaultUser: false,
    isCut: false,
    users: [
      {
        name: 'eve',
        groups: ['adm', 'sudo'],
        options: ['--groups', 'adm,sudo', '--shell', '/bin/bash', '-m'],
        isLocked: true,
      },
    ],
  })
  expect(plan('users: [default]').defaultUser).toBe(true)
})

test('after a user that cannot be made none is', () => {
  const { users, isCut, notes } = plan('users: [default, a, {name: "b c"}, d]')
  expect({ names: users.map(({ name }) => name), isCut, notes }).toEqual({
    names: ['a'],
    isCut: true,
    notes: ["user 'b c' and those after it are not made: its name"],
  })
})

test.each([
  ['hostname: a.b.c', 'a'],
  ['fqdn: a.b.c', 'a'],
  ['hostname: x\nfqdn: a.b.c', 'x'],
  ['fqdn: a.b.c\nprefer_fqdn_over_hostname: yes', 'a.b.c'],
  ['hostname: a\npreserve_hostname: "on"', undefined],
])('%j names the machine %s', (text, name) => {
  expect(plan(text)).toMatchObject({ hostname: name, notes: [] })
})

test.each([
  ['packages: [nginx]', "cloud-config key 'packages' is not applied"],
  ['runcmd: reboot', "cloud-config key 'runcmd' is not applied: not a list"],
  [
    'runcmd: [a, {echo b: c}]',
    "cloud-config key 'runcmd' is not applied: an entry is neither a text nor a list",
  ],
  ['ssh_keys: {dsa_private: x}', "'dsa_private' of ssh_keys is not applied"],
  [
    'ssh_authorized_keys: [{a: 1}]',
    "cloud-config key 'ssh_authorized_keys' is not applied: not a list of texts",
  ],
  ['write_files: [{content: a}]', 'a file of write_files is not written: it has no path'],
  [
    'write_files: [{path: /a, permissions: rw}]',
    "file '/a' of write_files gets permissions 0644: its own are no octal number",
  ],
  ['hostname: "a b"', "cloud-config key 'hostname' is not applied: not a host name"],
  ['users: [{name: eve, doas: x}]', "'doas' of user 'eve' is not applied"],
  ['groups: ["a b"]', "cloud-config key 'groups' is not applied: not a list of names"],
  ['timezone: ../x', "cloud-config key 'timezone' is not applied: not a name"],
  ['- a', "cloud-config 'part-0' is not applied: it is not a mapping"],
  ['a: [', expect.stringMatching(/^cloud-config 'part-0' is not applied: Flow sequence/)],
  ['merge_how: x', expect.stringMatching(/^cloud-config 'part-0' is not applied: its merge_how/)],
])('%j is not dropped in silence', (text, note) => {
  expect(plan(text).notes).toEqual([note])
})

test('a thousand unknown keys fill a hundred lines of the console', () => {
  const keys = Array.from({ length: 1000 }, (_, index) => `k${index}: 1`).join('\n')
  expect(plan(keys).notes).toHaveLength(100)
})

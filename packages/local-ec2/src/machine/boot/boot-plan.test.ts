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
  expect(hostKeys).toEqual([
    { type: 'ed25519', private: '-----BEGIN\nAAA\n', public: '', certificate: '' },
  ])
})

test('YAML is of version 1.1: yes is true, 0644 is octal', () => {
  const { files, deleteHostKeys } = plan(
    'ssh_deletekeys: no\nwrite_files: [{path: /a, content: x, permissions: 0640, append: yes}]',
  )
  expect(deleteHostKeys).toBe(false)
  expect(files).toMatchObject([{ path: '/a', mode: '640', append: true }])
})

test('base64 of a file is decoded; another encoding is named', () => {
  const { files, notes } = plan(
    'write_files:\n - {path: /a, content: aGk=, encoding: b64}\n - {path: /b, content: x, encoding: gz}',
  )
  expect(files.map(({ bytes }) => new TextDecoder().decode(bytes))).toEqual(['hi'])
  expect(notes).toEqual([
    "file '/b' of write_files is not applied: its encoding, permissions or owner",
  ])
})

test('scripts run in order of their names, runcmd among them', () => {
  const script = (name: string): { kind: 'script'; name: string; bytes: Uint8Array } => ({
    kind: 'script',
    name,
    bytes: new Uint8Array(),
  })
  const config = {
    kind: 'cloud-config' as const,
    name: 'c',
    bytes: new TextEncoder().encode('runcmd: [a]'),
  }
  const { scripts } = planBoot({ parts: [script('z'), script('b'), config], notes: [] })
  expect(scripts.map(({ name }) => name)).toEqual(['b', 'runcmd', 'z'])
  expect(new TextDecoder().decode(scripts[1]?.bytes)).toBe('#!/bin/sh\na\n')
})

test('users without default means that the default user is not there', () => {
  expect(plan('users: [{name: eve, groups: "adm, sudo", shell: /bin/bash}]')).toMatchObject({
    defaultUser: false,
    users: [{ name: 'eve', groups: 'adm,sudo', home: '/home/eve' }],
  })
  expect(plan('users: [default]').defaultUser).toBe(true)
})

test.each([
  ['packages: [nginx]', "cloud-config key 'packages' is not applied"],
  ['runcmd: reboot', "cloud-config key 'runcmd' is not applied: not a list"],
  ['ssh_keys: {dsa_private: x}', "'dsa_private' of ssh_keys is not applied"],
  [
    'ssh_authorized_keys: [{a: 1}]',
    "cloud-config key 'ssh_authorized_keys' is not applied: not a list of texts",
  ],
  ['write_files: [{path: rel}]', 'a file of write_files is not applied: its path is not absolute'],
  ['hostname: "a b"', "cloud-config key 'hostname' is not applied: not a host name"],
  ['users: [{name: root}]', 'an entry of users is not applied: its name'],
  ['users: [{name: eve, passwd: x}]', "'passwd' of user 'eve' is not applied"],
  ['- a', "cloud-config 'part-0' is not applied: it is not a mapping"],
])('%s is not dropped in silence', (text, note) => {
  expect(plan(text).notes).toEqual([note])
})

test('a thousand unknown keys fill a hundred lines of the console', () => {
  const keys = Array.from({ length: 1000 }, (_, index) => `k${index}: 1`).join('\n')
  expect(plan(keys).notes).toHaveLength(100)
})

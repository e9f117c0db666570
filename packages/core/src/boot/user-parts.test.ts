import { expect, test } from 'vitest'

import { readUserData } from './user-parts.ts'

const read = (given: unknown) => () => readUserData('launch()', given)
const typesOf = (given: unknown): string[] =>
  readUserData('launch()', given).map(({ type }) => type)
const config = (text: string): string => `#cloud-config\n${text}`

test('the first line says what a part is', () => {
  expect(typesOf(undefined)).toEqual([])
  expect(typesOf('#!/bin/sh\n')).toEqual(['x-shellscript'])
  expect(
    typesOf([
      '#cloud-config',
      '#cloud-config \r\nruncmd: []',
      new TextEncoder().encode('#cloud-boothook\n#!/bin/sh\n'),
      '#cloud-boothook #!/bin/sh\n',
    ]),
  ).toEqual(['cloud-config', 'cloud-config', 'cloud-boothook', 'cloud-boothook'])
})

const begin = 'Begin each part with #!, with #cloud-config, or with #cloud-boothook and then #!.'
const neither = 'is neither a script nor a cloud-config nor a boothook'

test.each([
  ['', begin],
  ['echo secret', begin],
  [' #!/bin/sh', begin],
  ['#cloud-boothook\necho no interpreter\n', begin],
  ['#cloud-configuration', begin],
  ['#cloud-config-archive\n- a', 'Give its parts one by one, as a list.'],
  [
    '#include\nhttps://example.com',
    'Fetch it from a script: when cloud-init cannot, it leaves all of the user-data out.',
  ],
  ['MIME-Version: 1.0\nContent-Type: multipart/mixed', 'Give its parts one by one, as a list.'],
  ['## template: jinja\n#cloud-config', 'Fill the template in before you give it.'],
])('%j is refused, without a word of it in the message', (text, hint) => {
  expect(read(text)).toThrowError(
    expect.objectContaining({
      code: 'OPTION_INVALID',
      message: `option 'userData' of launch() ${neither}`,
      hint,
    }),
  )
})

test('a part of a list is named by its place', () => {
  expect(read(['#!/bin/sh', 'secret'])).toThrowError(
    expect.objectContaining({
      code: 'OPTION_INVALID',
      message: `part 2 of option 'userData' of launch() ${neither}`,
      hint: begin,
    }),
  )
})

test.each([
  [7, 'is of type number', 'Give a text, bytes, or a list of these.'],
  [null, 'is of type null', 'Give a text, bytes, or a list of these.'],
  [
    Buffer.from([0x23, 0x21, 0xff]),
    'is not UTF-8',
    'Encode what is not text, in base64 for example: cloud-init knows only UTF-8.',
  ],
])('%j %s', (given, what, hint) => {
  expect(read(given)).toThrowError(
    expect.objectContaining({
      code: 'OPTION_INVALID',
      message: `option 'userData' of launch() ${what}`,
      hint,
    }),
  )
})

test.each([
  ['ssh_keys:\n  rsa_private: x', 'ssh_keys'],
  ['runcmd: [ls]\nssh_deletekeys: false', 'ssh_deletekeys'],
  ['disable_ec2_metadata: no', 'disable_ec2_metadata'],
  ['user: bob', 'user'],
  ['"system_info":\n  default_user: {name: bob}', 'system_info'],
  ["? 'power_state'\n: {mode: halt}", 'power_state'],
  ['&a power_state : {mode: halt}', 'power_state'],
  ['---\n  cloud_init_modules: []\n  runcmd: []', 'cloud_init_modules'],
  ['allow_userdata:\tfalse', 'allow_userdata'],
  ['x: &x {user: bob}\n<<: *x', '<<'],
  ['{"runcmd": ["ls"], "power_state": {"mode": "halt"}}', 'power_state'],
  ['--- {"power_state": {"mode": "halt"}}', 'power_state'],
  ['%YAML 1.1\n--- !!map &a {"user": "bob"}', 'user'],
  ['--- &a\n!!map\n# mine\n  { "user": "bob" }', 'user'],
  ['--- !!map # mine\nuser: bob', 'user'],
  ['? power_state # mine\n: {mode: halt}', 'power_state'],
  ['runcmd: ls\u2028power_state: {mode: halt}', 'power_state'],
  ['runcmd: ls\u0085user: bob', 'user'],
])('a cloud-config %j is refused', (text, key) => {
  expect(read(config(text))).toThrowError(
    expect.objectContaining({
      code: 'OPTION_INVALID',
      message: `option 'userData' of launch() sets '${key}'`,
      hint: expect.stringMatching(/^(?:Leave it out|Write its keys out)/),
    }),
  )
})

test.each([
  'users:\n- bob',
  'users: # mine\n\n  # the first\n  - bob',
  'users: [bob]',
  '{"users": ["bob"], "ssh_authorized_keys": []}',
  // Deeper than the keys of the document.
  'write_files:\n- content: |\n    power_state: off\n    users: bob\n  path: /x\n',
  'groups:\n  user: [bob]',
  '  runcmd:\n    - "user: bob"',
  '#power_state: off',
  'user_data: x\nssh_keys_of: y\npower_state:off',
  '--- # mine\nruncmd:\n- [ls, "a\\tb", *a]\n- ? a\n- >\n  *\n...\n',
])('a cloud-config %j is taken', (text) => {
  expect(typesOf(config(text))).toEqual(['cloud-config'])
})

test.each([
  ['users:', 'users'],
  ['users: bob', 'users'],
  ['users:\n  bob: {}', 'users'],
  ['x: &x [bob]\nusers: *x', 'users'],
  ['ssh_authorized_keys: ssh-ed25519 AAAA', 'ssh_authorized_keys'],
  ['{"users": {"bob": true}}', 'users'],
])('a cloud-config %j has a list that ours cannot be added to', (text, key) => {
  expect(read(config(text))).toThrowError(
    expect.objectContaining({
      code: 'OPTION_INVALID',
      message: `option 'userData' of launch() has a '${key}' that is not a list`,
      hint: `Write each item in a line of its own that begins with '- '.`,
    }),
  )
})

test.each([
  '?\n  power_state\n: {mode: halt}',
  '? # mine\n  power_state\n: {mode: halt}',
  '? !!str\n  power_state\n: {mode: halt}',
  '? >-\n  power_state\n: {mode: halt}',
  '"power\\x5fstate": {mode: halt}',
  'x: &a power_state\n*a : {mode: halt}',
])('a cloud-config %j is refused, because one of its keys is not read', (text) => {
  expect(read(config(text))).toThrowError(
    expect.objectContaining({
      code: 'OPTION_INVALID',
      message: "option 'userData' of launch() has a key that is not spelled out in its line",
      hint: 'Write each key as a plain word.',
    }),
  )
})

test.each([
  '{power_state: {mode: halt}}',
  '--- {power_state: {mode: halt}}',
  '!!map {power_state: {mode: halt}}',
  '&a {power_state: {mode: halt}}',
  '--- # mine\n{power_state: {mode: halt}}',
])('a flow mapping %j is refused: it is not JSON, so its keys are not read', (text) => {
  expect(read(config(text))).toThrowError(
    expect.objectContaining({
      code: 'OPTION_INVALID',
      message: `option 'userData' of launch() begins with '{' and is not JSON`,
      hint: 'Write one key a line, or JSON.stringify() it.',
    }),
  )
})

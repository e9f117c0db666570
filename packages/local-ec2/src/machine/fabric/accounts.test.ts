import { expect, test } from 'vitest'

import { accounts } from './accounts.ts'

const base = {
  passwd: [
    'root:x:0:0:The Boss:/root:/usr/bin/zsh',
    'sshd:x:101:65534::/run/sshd:/usr/sbin/nologin',
    'nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin',
    'alice:x:1000:1000:Alice:/home/alice:/bin/bash',
    '',
  ].join('\n'),
  group: ['root:x:0:', 'sudo:x:27:alice,bob', 'users:x:100:alice', 'alice:x:1000:', ''].join('\n'),
}

test("people of the base are gone, from its groups too; the image's user takes their place", () => {
  expect(accounts(base, 'admin')).toEqual({
    passwd: [
      'root:x:0:0:root:/root:/bin/bash',
      'sshd:x:101:65534::/run/sshd:/usr/sbin/nologin',
      'nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin',
      'admin:x:1000:1000:admin:/home/admin:/bin/bash',
      '',
    ].join('\n'),
    group: 'root:x:0:\nsudo:x:27:admin\nusers:x:100:\nadmin:x:1000:\n',
    shadow: ['root', 'sshd', 'nobody', 'admin']
      .map((name) => `${name}:*:19000:0:99999:7:::\n`)
      .join(''),
    gshadow: 'root:*::\nsudo:*::admin\nusers:*::\nadmin:*::\n',
  })
})

test('a system account of the same name gives way', () => {
  const passwd = `${base.passwd}ubuntu:x:999:999::/:/bin/false\n`
  const names = accounts({ ...base, passwd }, 'ubuntu').passwd.match(/^ubuntu:.*/gm)
  expect(names).toEqual(['ubuntu:x:1000:1000:ubuntu:/home/ubuntu:/bin/bash'])
})

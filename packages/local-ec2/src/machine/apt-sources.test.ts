import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

import { afterEach, expect, test } from 'vitest'

import { debianRelease, hostRelease } from './apt-sources.ts'

let root = ''

afterEach(() => rmSync(root, { recursive: true }))

const ring = '[signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]'

/** What Debian's own computers have. */
const archive = (codename: string): string[] => [
  `deb ${ring} http://deb.debian.org/debian ${codename} main`,
  `deb ${ring} http://deb.debian.org/debian ${codename}-updates main`,
  `deb ${ring} http://deb.debian.org/debian-security ${codename}-security main`,
]

function computer(files: Readonly<Record<string, string>>): string {
  root = mkdtempSync(join(tmpdir(), 'apt-sources-'))
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, name)), { recursive: true })
    writeFileSync(join(root, name), text)
  }
  return root
}

const bookworm = 'ID=debian\nVERSION_CODENAME=bookworm\n'

test("takes the distribution's own sources in both formats, and nobody else's", () => {
  const release = hostRelease(
    computer({
      'etc/os-release': bookworm,
      'etc/apt/sources.list': [
        'deb http://mirror/debian bookworm main contrib',
        '# deb http://mirror/debian bookworm-backports main',
        'deb [arch=amd64 signed-by=/k.gpg] https://sec/debian-security bookworm-security main',
        'deb-src http://mirror/debian bookworm main',
      ].join('\n'),
      'etc/apt/sources.list.d/docker.list':
        'deb https://download.docker.com/linux/debian bookworm stable\n',
      'etc/apt/sources.list.d/hashicorp.list':
        'deb https://apt.releases.hashicorp.com bookworm main\n',
      'etc/apt/sources.list.d/old.list.disabled': 'deb http://disabled/debian bookworm main\n',
      'etc/apt/sources.list.d/debian.sources': [
        'Types: deb deb-src',
        'URIs: http://deb.debian.org/debian/',
        'Suites: bookworm bookworm-updates',
        'Components: main',
        'Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg',
        '',
        'Types: deb',
        'Enabled: no',
        'URIs: http://off/debian',
        'Suites: bookworm',
        'Components: main',
      ].join('\n'),
    }),
  )
  expect(release).toEqual({
    codename: 'bookworm',
    lines: [
      'deb http://mirror/debian bookworm main',
      'deb [signed-by=/k.gpg] https://sec/debian-security bookworm-security main',
      `deb ${ring} http://deb.debian.org/debian/ bookworm main`,
      `deb ${ring} http://deb.debian.org/debian/ bookworm-updates main`,
    ],
    archive: archive('bookworm'),
  })
})

test('knows where the release is from when no source is left', () => {
  const files = { 'etc/os-release': 'ID=ubuntu\nVERSION_CODENAME="noble"\n' }
  const uri =
    process.arch === 'x64'
      ? 'http://archive.ubuntu.com/ubuntu'
      : 'http://ports.ubuntu.com/ubuntu-ports'
  expect(hostRelease(computer(files)).lines).toEqual([
    `deb ${uri} noble main`,
    `deb ${uri} noble-updates main`,
    `deb ${uri} noble-security main`,
  ])
})

test('another distribution is named', () => {
  const files = { 'etc/os-release': 'ID=fedora\nVERSION_ID=43\n' }
  expect(() => hostRelease(computer(files))).toThrow(
    expect.objectContaining({
      code: 'MACHINE_UNAVAILABLE',
      message: "rootless machines are built from Debian or Ubuntu, and this is 'fedora'",
      hint: 'Run as root, whose machines use the files that are here.',
    }),
  )
})

test.each(['bookworm', 'trixie'])(
  "%s comes from this Debian's mirrors, by the names that they have for it",
  (codename) => {
    const files = {
      'etc/os-release': bookworm,
      'etc/apt/sources.list':
        'deb https://me:secret@mirror/debian bookworm main\n' +
        'deb http://bookworm.mirror/debian bookworm-updates main\n' +
        'deb http://mirror/debian-security bookworm-security main\n',
    }
    expect(debianRelease(codename, computer(files))).toEqual({
      codename,
      lines: [
        `deb https://me:secret@mirror/debian ${codename} main`,
        `deb http://bookworm.mirror/debian ${codename}-updates main`,
        `deb http://mirror/debian-security ${codename}-security main`,
      ],
      archive: archive(codename),
    })
  },
)

test('a Debian that names no source gets Debian from Debian, as another distribution does', () => {
  expect(debianRelease('trixie', computer({ 'etc/os-release': bookworm }))).toEqual({
    codename: 'trixie',
    lines: archive('trixie'),
    archive: archive('trixie'),
  })
  rmSync(root, { recursive: true })
  const ubuntu = {
    'etc/os-release': 'ID=ubuntu\nVERSION_CODENAME="noble"\n',
    'etc/apt/sources.list': 'deb http://archive.ubuntu.com/ubuntu noble main\n',
    'usr/share/keyrings/debian-archive-keyring.gpg': 'keys',
  }
  expect(debianRelease('trixie', computer(ubuntu)).lines).toEqual(archive('trixie'))
})

test("without Debian's keys another distribution is told which package has them", () => {
  const ubuntu = { 'etc/os-release': 'ID=ubuntu\nVERSION_CODENAME="noble"\n' }
  expect(() => debianRelease('trixie', computer(ubuntu))).toThrow(
    expect.objectContaining({
      code: 'MACHINE_UNAVAILABLE',
      message:
        "Debian's images need Debian's keys, in /usr/share/keyrings/debian-archive-keyring.gpg",
      hint: 'Run: apt-get install -y debian-archive-keyring',
    }),
  )
})

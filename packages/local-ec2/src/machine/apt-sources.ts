import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'

import { LocalEc2Error } from '../errors.ts'

export interface Release {
  /** Such as `bookworm`. */
  codename: string
  /** One-line apt sources, as this computer has them: a mirror, perhaps with a password. */
  lines: readonly string[]
  /** The same from the distribution itself, which everybody may see. */
  archive: readonly string[]
}

/**
 * The distribution's own sources of the release that this computer runs, without anybody else's.
 *
 * @param root where `etc/` is; a test has another
 * @throws {LocalEc2Error} `MACHINE_UNAVAILABLE` when this is neither Debian nor Ubuntu
 */
export function hostRelease(root = '/'): Release {
  const about = read(join(root, 'etc/os-release'))
  const field = (name: string): string =>
    new RegExp(`^${name}="?([^"\n]*)`, 'm').exec(about)?.[1] ?? ''
  const codename = field('VERSION_CODENAME')
  const distribution = field('ID')
  if ((distribution !== 'debian' && distribution !== 'ubuntu') || codename === '') {
    throw new LocalEc2Error(
      'MACHINE_UNAVAILABLE',
      `rootless machines are built from Debian or Ubuntu, and this is '${distribution || 'unknown'}'`,
      { hint: 'Run as root, whose machines use the files that are here.' },
    )
  }
  const directory = join(root, 'etc/apt/sources.list.d')
  const files = list(directory).map((name) => join(directory, name))
  const found = [join(root, 'etc/apt/sources.list'), ...files].flatMap((file) =>
    file.endsWith('.sources')
      ? fromStanzas(read(file))
      : file.endsWith('.list')
        ? fromLines(read(file))
        : [],
  )
  const suites = new Set([codename, `${codename}-updates`, `${codename}-security`])
  const lines = found.flatMap(({ uri, suite, signedBy }) =>
    suites.has(suite) && /\/(debian|debian-security|ubuntu|ubuntu-ports)\/?$/.test(uri)
      ? [`deb ${signedBy === '' ? '' : `[signed-by=${signedBy}] `}${uri} ${suite} main`]
      : [],
  )
  const archive = distribution === 'debian' ? debianArchive(codename) : ubuntuArchive(codename)
  return { codename, lines: lines.length > 0 ? [...new Set(lines)] : archive, archive }
}

/**
 * A release of Debian, from where this computer has its own; from Debian itself where this is another distribution.
 *
 * @param root where `etc/` is; a test has another
 * @throws {LocalEc2Error} `MACHINE_UNAVAILABLE` when nothing here can tell Debian's packages from forged ones
 */
export function debianRelease(codename: string, root = '/'): Release {
  const archive = debianArchive(codename)
  const about = read(join(root, 'etc/os-release'))
  if (/^ID=debian$/m.test(about)) {
    const { codename: own, lines } = hostRelease(root)
    const renamed = lines.map((line) => line.replace(new RegExp(` ${own}(?=[- ])`), ` ${codename}`))
    return { codename, lines: renamed, archive }
  }
  if (read(join(root, debianKeys)) === '') {
    throw new LocalEc2Error(
      'MACHINE_UNAVAILABLE',
      `Debian's images need Debian's keys, in ${debianKeys}`,
      {
        hint: 'Run: apt-get install -y debian-archive-keyring',
      },
    )
  }
  return { codename, lines: archive, archive }
}

const debianKeys = '/usr/share/keyrings/debian-archive-keyring.gpg'

function debianArchive(codename: string): string[] {
  return [
    `deb [signed-by=${debianKeys}] http://deb.debian.org/debian ${codename} main`,
    `deb [signed-by=${debianKeys}] http://deb.debian.org/debian ${codename}-updates main`,
    `deb [signed-by=${debianKeys}] http://deb.debian.org/debian-security ${codename}-security main`,
  ]
}

function ubuntuArchive(codename: string): string[] {
  // Its second architectures, such as arm64, are elsewhere.
  const uri =
    process.arch === 'x64'
      ? 'http://archive.ubuntu.com/ubuntu'
      : 'http://ports.ubuntu.com/ubuntu-ports'
  return ['', '-updates', '-security'].map((suite) => `deb ${uri} ${codename}${suite} main`)
}

interface Source {
  uri: string
  suite: string
  /** Path of a key ring; empty for apt's own. */
  signedBy: string
}

function fromLines(text: string): Source[] {
  return [...text.matchAll(/^deb\s+(?:\[(.*?)\]\s+)?(\S+)\s+(\S+)\s+(.*)$/gm)].flatMap(
    ([, options = '', uri = '', suite = '', components = '']) =>
      hasMain(components)
        ? [{ uri, suite, signedBy: /signed-by=(\/\S+)/.exec(options)?.[1] ?? '' }]
        : [],
  )
}

/** @see https://manpages.debian.org/bookworm/apt/sources.list.5.en.html#DEB822-STYLE_FORMAT */
function fromStanzas(text: string): Source[] {
  return text.split(/\n\s*\n/).flatMap((stanza) => {
    const field = (name: string): string[] =>
      (new RegExp(`^${name}:(.*)$`, 'im').exec(stanza)?.[1] ?? '').trim().split(/\s+/)
    const isOff = field('Enabled')[0]?.toLowerCase() === 'no'
    if (isOff || !field('Types').includes('deb') || !hasMain(field('Components').join(' ')))
      return []
    const ring = field('Signed-By')[0] ?? ''
    const signedBy = ring.startsWith('/') ? ring : ''
    return field('URIs').flatMap((uri) =>
      field('Suites').map((suite) => ({ uri, suite, signedBy })),
    )
  })
}

const hasMain = (components: string): boolean => components.split(/\s+/).includes('main')

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}

function list(directory: string): string[] {
  try {
    return readdirSync(directory)
  } catch {
    return []
  }
}

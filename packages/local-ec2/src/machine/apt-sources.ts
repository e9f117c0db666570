import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'

import { LocalEc2Error } from '../errors.ts'

export interface Release {
  /** Such as `bookworm`. */
  codename: string
  /** One-line apt sources. */
  lines: string[]
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
  return {
    codename,
    lines: lines.length > 0 ? [...new Set(lines)] : fallback(distribution, codename),
  }
}

/**
 * Debian's own sources of another release, from where this computer has its own.
 *
 * @param root where `etc/` is; a test has another
 */
export function debianRelease(codename: string, root = '/'): Release {
  const about = read(join(root, 'etc/os-release'))
  if (!/^ID=debian$/m.test(about)) return { codename, lines: debianArchive(codename) }
  const { codename: own, lines } = hostRelease(root)
  if (own === codename) return { codename, lines }
  const renamed = lines.map((line) => line.replace(new RegExp(` ${own}(?=[- ])`), ` ${codename}`))
  return { codename, lines: renamed }
}

/** What Debian's images on EC2 have, with the key ring of Debian's package `debian-archive-keyring`. */
function debianArchive(codename: string): string[] {
  const ring = '[signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]'
  return [
    `deb ${ring} http://deb.debian.org/debian ${codename} main`,
    `deb ${ring} http://deb.debian.org/debian ${codename}-updates main`,
    `deb ${ring} http://deb.debian.org/debian-security ${codename}-security main`,
  ]
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

function fallback(distribution: string, codename: string): string[] {
  const uri =
    distribution === 'ubuntu' ? 'http://archive.ubuntu.com/ubuntu' : 'http://deb.debian.org/debian'
  return [`deb ${uri} ${codename} main`]
}

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

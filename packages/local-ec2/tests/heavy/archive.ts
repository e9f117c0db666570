/** An archive of Debian packages with one package in it, behind a proxy that remembers with which passwords it was asked. */
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { dirname, join } from 'node:path'

export interface Archive extends AsyncDisposable {
  /** Of the proxy, on 127.0.0.1. */
  port: number
  /** What it was asked for, without the host. */
  paths: string[]
  /** The credentials of requests: the proxy's and the archive's own. */
  asked: Set<string>
}

/**
 * @param folder for its files
 * @param codename its only release, which has the package `tiny` with one file: `/etc/debian_version`
 */
export async function startArchive(folder: string, codename: string): Promise<Archive> {
  const files = makeFiles(folder, codename)
  const archive = { paths: new Array<string>(), asked: new Set<string>() }
  const server = createServer(({ url = '', headers }, answer) => {
    const { 'proxy-authorization': forProxy = '', authorization = '' } = headers
    archive.asked.add(forProxy).add(authorization)
    const path = new URL(url).pathname
    archive.paths.push(path)
    const bytes = files.get(path)
    answer.writeHead(bytes === undefined ? 404 : 200).end(bytes)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    ...archive,
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

function makeFiles(folder: string, codename: string): Map<string, Buffer> {
  const write = (path: string, text: string): void => {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), text)
  }
  const control = `Package: tiny
Version: 1
Architecture: all
Maintainer: Nobody <nobody@archive.test>
Description: one file
`
  write('tiny/DEBIAN/control', control)
  write('tiny/etc/debian_version', `${codename}\n`)
  execFileSync('dpkg-deb', ['--root-owner-group', '--build', 'tiny'], { cwd: folder })
  const deb = readFileSync(join(folder, 'tiny.deb'))
  const sum = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex')
  const packages = Buffer.from(
    `${control}Filename: tiny.deb\nSize: ${deb.length}\nSHA256: ${sum(deb)}\n`,
  )
  const arch = process.arch === 'arm64' ? 'arm64' : 'amd64'
  const index = `main/binary-${arch}/Packages`
  const release = `Codename: ${codename}
Suite: ${codename}
Components: main
Architectures: ${arch}
Date: ${new Date().toUTCString().replace('GMT', 'UTC')}
SHA256:
 ${sum(packages)} ${packages.length} ${index}
`
  const top = `/debian/dists/${codename}`
  return new Map([
    ['/debian/tiny.deb', deb],
    [`${top}/${index}`, packages],
    [`${top}/Release`, Buffer.from(release)],
  ])
}

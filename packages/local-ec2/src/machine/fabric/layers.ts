/** The part of a machine's files that all machines of a fabric share: the base below, our changes above. */
import { mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

import { unreadable } from '../secrets.ts'
import type { Contents } from './contents.ts'
import { Cover } from './cover.ts'
import { isDirectory, isInside, linkTarget, look, read } from './files.ts'
import { emptied, hiddenInEtc } from './hidden.ts'
import { run } from './run.ts'
import { makeSkeleton } from './skeleton.ts'

/** What the package manager knows; without it the machine's packages could be neither listed nor changed. */
const packageDatabases = ['/var/lib/dpkg', '/var/lib/apt', '/var/lib/rpm', '/var/lib/pam']

/** Parts of `/usr` that some systems still keep beside it. */
const systemDirectories = ['bin', 'sbin', 'lib', 'lib32', 'lib64', 'libx32']

/**
 * @param hide absolute paths that no machine may see, besides the fixed rules
 * @param directory an empty directory on a file system of the fabric's own
 */
export async function makeLayers(
  { base, guest }: { base: string; guest: string },
  hide: readonly string[],
  directory: string,
): Promise<Contents> {
  const whiteout = join(directory, 'whiteout')
  await run('mknod', [whiteout, 'c', '0', '0'])
  const links = new Map<string, string>()
  const tops = ['/usr', '/etc', ...packageDatabases.filter((path) => isDirectory(base + path))]
  for (const name of systemDirectories) {
    const target = linkTarget(join(base, name))
    if (target !== undefined) links.set(name, target)
    else if (isDirectory(join(base, name))) tops.push(`/${name}`)
  }

  const hidden = new Set(hide)
  const cover = new Cover(base, directory, whiteout)
  for (const path of emptied) cover.empty(path)
  for (const name of hiddenInEtc) cover.hide(join('/etc', name))
  for (const path of hide) if (isBelow(path, tops)) cover.hide(path)
  coverPrograms(cover, guest, tops)
  coverSettings(cover, guest, base)

  const layers = tops.map((path) => ({
    path,
    lower: [directory + path, join(base, path)].filter((layer) => isDirectory(layer)),
  }))
  const overlays: Contents['overlays'] = (disk) =>
    layers.map((layer) => {
      const name = layer.path.replaceAll('/', '-')
      return { ...layer, upper: join(disk, `upper${name}`), work: join(disk, `work${name}`) }
    })
  return {
    overlays,
    async make(disk, order) {
      const secrets = secretsOf(base)
      // Whoever waits for it hears of a failure, if nothing else fails before.
      secrets.catch(() => undefined)
      for (const { upper, work } of overlays(disk)) {
        mkdirSync(upper)
        mkdirSync(work)
      }
      makeSkeleton(join(disk, 'root'), join(disk, 'upper-etc'), order, base, { tops, links })
      await hideSince(disk, await secrets)
    },
  }

  /** What this computer has been given since, in a machine's own layers. What comes while it runs, it may see. */
  async function hideSince(disk: string, secrets: readonly string[]): Promise<void> {
    const emptiedNow = emptied
      .filter((path) => isDirectory(join(base, path)))
      .flatMap((path) => readdirSync(join(base, path)).map((name) => join(path, name)))
    const found = [...secrets, ...emptiedNow].filter(
      (path) => !hidden.has(path) && !isCovered(path),
    )
    if (found.length === 0) return
    const own = join(disk, 'whiteout')
    await run('mknod', [own, 'c', '0', '0'])
    for (const { path: top, upper } of overlays(disk)) {
      const above = new Cover(join(base, top), upper, own)
      for (const path of found) if (isInside(path, top)) above.hide(path.slice(top.length))
    }
  }

  /** Also below what is not there for a machine. */
  function isCovered(path: string): boolean {
    for (let at = path; at !== '/'; at = dirname(at)) {
      const stat = look(join(directory, at))
      if (stat !== undefined) return at === path || !stat.isDirectory()
    }
    return false
  }
}

/** Machines that start at once share one search. */
let searching: Promise<string[]> | undefined

/** Of a base that somebody uses; one that we built ourselves holds nobody's secrets. */
function secretsOf(base: string): Promise<string[]> {
  if (base !== '/') return Promise.resolve([])
  // Where passwords come to. A search of /usr/local as well would make each launch a fifth slower.
  searching ??= unreadable(['/etc']).finally(() => {
    searching = undefined
  })
  return searching
}

/** What boots a machine that has no systemd, and what others take for it. */
export function coverPrograms(cover: Cover, guest: string, tops: readonly string[]): void {
  const place = '/usr/lib/local-ec2'
  for (const name of ['init', 'systemctl']) {
    cover.write(`${place}/${name}`, readFileSync(join(guest, `${name}.sh`), 'utf8'), 0o755)
  }
  for (const name of ['systemctl', 'poweroff', 'halt', 'reboot', 'shutdown']) {
    const folder = name === 'systemctl' ? '/bin' : '/sbin'
    cover.link(`/usr${folder}/${name}`, `${place}/systemctl`)
    if (tops.includes(folder)) cover.link(`${folder}/${name}`, `${place}/systemctl`)
  }
}

function coverSettings(cover: Cover, guest: string, base: string): void {
  cover.write(
    '/etc/systemd/system/ssh.service',
    readFileSync(join(guest, 'ssh.service'), 'utf8'),
    0o644,
  )
  cover.link('/etc/systemd/system/sshd.service', 'ssh.service')
  // The distribution's own file, not what became of it on this computer.
  const stock = read(join(base, '/usr/share/openssh/sshd_config')) ?? 'UsePAM yes\n'
  // As cloud-init leaves it on EC2's images: keys alone. The first value that sshd reads is the one that counts.
  cover.write('/etc/ssh/sshd_config', `PasswordAuthentication no\n${stock}`, 0o644)
  const pam = read(join(base, '/etc/pam.d/sshd'))
  if (pam !== undefined) {
    // The kernel refuses a second login id to a process that inherited one from a login on this computer.
    const lenient = pam.replaceAll(/^(session\s+)required(\s+pam_loginuid)/gm, '$1optional$2')
    cover.write('/etc/pam.d/sshd', lenient, 0o644)
  }
  cover.write('/etc/sudoers', sudoers, 0o440)
  cover.write('/etc/environment', '', 0o644)
  cover.write('/etc/fstab', '', 0o644)
  // No machine has a way to a name server; a closed port fails at once where an absent one waits.
  cover.write('/etc/resolv.conf', 'nameserver 127.0.0.1\n', 0o644)
}

const sudoers = `Defaults env_reset
Defaults secure_path="/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
root ALL=(ALL:ALL) ALL
@includedir /etc/sudoers.d
`

function isBelow(path: string, tops: readonly string[]): boolean {
  // Hiding all of /usr would leave no machine: whoever works in /usr itself sees it there.
  return tops.some((top) => path !== top && isInside(path, top))
}

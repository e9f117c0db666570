/**
 * What this computer may lack. Each case is made in namespaces of its own, where a file that is no program lies over one,
 * an empty one over the ids, or a cgroup is not there; outside nothing changes.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'

import { expect, test } from 'vitest'

const cli = join(import.meta.dirname, '../../src/cli/main.ts')
const openHost = fileURLToPath(new URL('open-host.ts', import.meta.url))
const node = [process.execPath, '--conditions=dev']
const isRoot = process.getuid?.() === 0

/** Root of a user namespace, who may mount and who is `root` by his name. */
const pretendedRoot = ['unshare', '--user', '--map-root-user', '--mount']
/** Nobody there: without a map the ids of all are those of `nobody`. */
const nobody = 'exec unshare --user "$0" "$@"'
const itself = 'exec "$0" "$@"'

async function run(
  namespaces: readonly string[],
  prepare: string,
  command: readonly string[],
): Promise<{ code: unknown; stdout: string; stderr: string }> {
  const [program = '', ...args] = [...namespaces, 'sh', '-c', prepare, ...command]
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  const said = Promise.all([text(child.stdout), text(child.stderr)])
  const [code] = await once(child, 'exit')
  const [stdout, stderr] = await said
  return { code, stdout, stderr }
}

async function failure(
  namespaces: readonly string[],
  prepare: string,
  kind: string,
): Promise<unknown> {
  const { stdout, stderr } = await run(namespaces, prepare, [...node, openHost, kind])
  if (stdout === '') throw new Error(stderr)
  return JSON.parse(stdout)
}

const without = (...files: string[]): string =>
  files.map((file) => `mount --bind /dev/null ${file} && `).join('')

const unavailable = (message: string, hint: string): unknown => ({
  code: 'MACHINE_UNAVAILABLE',
  message,
  hint,
})

const lacks = (names: string): string =>
  `local machines need ${names}, not found in /usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin`

test('without sshd the endpoint does not start, and says what brings it', async () => {
  const { code, stdout, stderr } = await run(pretendedRoot, without('/usr/sbin/sshd') + itself, [
    ...node,
    cli,
    '--machine',
    'container',
  ])
  expect(stderr).toMatch(/^benchaway-local-ec2: local machines need sshd, not found in \//)
  expect(stderr).toContain('\nRun: apt-get install -y openssh-server\n')
  expect(stdout).toBe('')
  expect(code).toBe(1)
})

test.each([
  ['cloud-init', '/usr/bin/mmdebstrap', 'mmdebstrap', 'mmdebstrap'],
  ['systemd', '/usr/bin/mmdebstrap', 'mmdebstrap', 'mmdebstrap'],
  ['cloud-init', '/usr/bin/newuidmap', 'newuidmap', 'uidmap'],
  ['rootless', '/usr/bin/newuidmap', 'newuidmap', 'uidmap'],
  ['systemd', '/usr/bin/script', 'script', 'bsdutils'],
])('machines of kind %s do not start without %s', async (kind, file, name, brings) => {
  expect(await failure(pretendedRoot, without(file) + itself, kind)).toEqual(
    unavailable(lacks(name), `Run: apt-get install -y ${brings}`),
  )
})

test('of several that are missing all are named, with one command that brings them', async () => {
  const prepare = without('/usr/bin/mmdebstrap', '/usr/bin/script', '/usr/bin/newuidmap') + itself
  expect(await failure(pretendedRoot, prepare, 'systemd')).toEqual(
    unavailable(
      lacks('newuidmap, mmdebstrap, script'),
      'Run: apt-get install -y uidmap mmdebstrap bsdutils',
    ),
  )
})

test('an ordinary user is told to use sudo', async () => {
  const prepare = without('/usr/bin/mmdebstrap', '/usr/bin/newuidmap') + nobody
  expect(await failure(pretendedRoot, prepare, 'cloud-init')).toEqual(
    unavailable(lacks('newuidmap, mmdebstrap'), 'Run: sudo apt-get install -y uidmap mmdebstrap'),
  )
})

test.each([
  ['container', 'rootless'],
  ['systemd', 'cloud-init'],
])('machines of kind %s need root, and others are told of %s', async (kind, other) => {
  expect(await failure(pretendedRoot, nobody, kind)).toEqual(
    unavailable(`machines of kind '${kind}' need root`, `Run as root, or ask for '${other}'.`),
  )
})

const ids = '--add-subuids 1000000-1065535 --add-subgids 1000000-1065535'

test.each(['/etc/subuid', '/etc/subgid'])(
  'without subordinate ids in %s root is told how to get them, and so is an ordinary user',
  async (file) => {
    expect(await failure(pretendedRoot, without(file) + itself, 'cloud-init')).toEqual(
      unavailable(`${file} gives user root no 65536 ids`, `Run: usermod ${ids} root`),
    )
    expect(await failure(pretendedRoot, without(file) + nobody, 'cloud-init')).toEqual(
      unavailable('/etc/subuid gives user nobody no 65536 ids', `Run: sudo usermod ${ids} nobody`),
    )
  },
)

const forRoot = isRoot ? '' : ' (for root, whose kind it is)'

test.skipIf(!isRoot)(`without a cgroup of version 2 there is no systemd${forRoot}`, async () => {
  const prepare = `umount --recursive --lazy /sys/fs/cgroup && ${itself}`
  expect(await failure(['unshare', '--mount'], prepare, 'systemd')).toEqual(
    unavailable(
      'machines with systemd need cgroups of version 2',
      "Mount them (mount -t cgroup2 cgroup2 /sys/fs/cgroup), or ask for 'cloud-init'.",
    ),
  )
})

test.skipIf(!isRoot)(
  `in cgroups that may not be written there is no systemd${forRoot}`,
  async () => {
    const prepare = `grep ' - cgroup2 ' /proc/self/mountinfo | cut -d' ' -f5 | while read -r path; do
      mount --bind -o remount,ro "$path" || exit; done && ${itself}`
    expect(await failure(['unshare', '--mount'], prepare, 'systemd')).toMatchObject({
      code: 'MACHINE_UNAVAILABLE',
      message: expect.stringMatching(
        /^machines with systemd need a cgroup: Error: EROFS: read-only file system, mkdir '.*'$/,
      ),
      hint: "Start the container that this runs in with --privileged, or ask for 'cloud-init'.",
    })
  },
)

test('where port 2222 is taken there is no way to machines, and so no process that would hold them', async () => {
  const source = fileURLToPath(new URL('../../src/machine/reach.ts', import.meta.url))
  const program = `let fabrics = 0
    const other = (await import('node:net')).createServer().listen(2222, '0.0.0.0')
    await new Promise((resolve) => other.once('listening', resolve))
    const { openRelay } = await import(${JSON.stringify(source)})
    await openRelay(async () => fabrics++).catch(({ code, message }) =>
      console.log(JSON.stringify({ code, message, fabrics })))
    other.close()`
  const alone = ['unshare', '--user', '--map-root-user', '--net']
  const { stdout, stderr } = await run(alone, itself, [...node, '--eval', program])
  if (stdout === '') throw new Error(stderr)
  expect(JSON.parse(stdout)).toEqual({
    code: 'NO_FREE_ADDRESS',
    message: 'nothing can listen on port 2222 of 127.0.0.0/8',
    fabrics: 0,
  })
})

test('where user namespaces are not allowed that is told, with what helps, and no process stays', async () => {
  const prepare = `echo 0 >/proc/sys/user/max_user_namespaces && ${itself}`
  const namespaces = ['unshare', '--user', '--map-root-user', '--map-auto']
  // Its end is waited for: a process that stayed would hold its output.
  expect(await failure(namespaces, prepare, 'cloud-init')).toEqual(
    unavailable(
      'this computer does not let root make namespaces: unshare: unshare failed: No space left on device',
      'Start the container that this runs in with --privileged.',
    ),
  )
})

test('where they are not allowed no root file system is built either, and that says why', async () => {
  const prepare = `echo 0 >/proc/sys/user/max_user_namespaces && mount -t tmpfs tmpfs /mnt && ${itself}`
  const namespaces = ['env', 'XDG_CACHE_HOME=/mnt', ...pretendedRoot]
  expect(await failure(namespaces, prepare, 'rootless')).toEqual({
    code: 'ROOTFS_FAILED',
    message: expect.stringMatching(
      /^Debian \w+ could not be built: unshare: unshare failed: No space left on device$/m,
    ),
    hint: 'Start the container that this runs in with --privileged.',
  })
})

test('where there is no room for a root file system none is begun', async () => {
  const prepare = `mount -t tmpfs -o size=100m tmpfs /mnt && ${itself}`
  const namespaces = ['env', 'XDG_CACHE_HOME=/mnt', ...pretendedRoot]
  expect(await failure(namespaces, prepare, 'rootless')).toEqual({
    code: 'ROOTFS_FAILED',
    message: expect.stringMatching(
      /^building Debian \w+ needs 600 MiB in \/mnt\/benchaway, and (?:99|100) are free$/,
    ),
    hint: 'Make room there, or set XDG_CACHE_HOME to a directory that has it.',
  })
})

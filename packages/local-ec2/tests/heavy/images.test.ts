/** How images come into being, and what they hold. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'

import { beforeAll, expect, onTestFinished, test, vi } from 'vitest'

import { debianRelease } from '../../src/machine/apt-sources.ts'
import { bootstrap, recipeOf } from '../../src/machine/bootstrap.ts'
import { openMachineHost } from '../../src/machine/host.ts'
import { prepareImage } from '../../src/machine/rootfs.ts'
import { boot, request, soon } from '../machine/bench-kit.ts'
import { startArchive } from './archive.ts'
import { describeOn } from './kit.ts'

const builder = fileURLToPath(new URL('builder.ts', import.meta.url))
const cli = join(import.meta.dirname, '../../src/cli/main.ts')

const expected = {
  'debian-12': { codename: 'bookworm', 'cloud-init': '22.4', 'openssh-server': '1:9.2' },
  'debian-13': { codename: 'trixie', 'cloud-init': '25.1', 'openssh-server': '1:10.0' },
} as const

for (const system of ['debian-12', 'debian-13'] as const) {
  describeOn({ kind: 'cloud-init', systems: [system] }, `the image ${system}`, () => {
    let root = ''
    const read = (path: string): string => readFileSync(join(root, path), 'utf8')

    beforeAll(async () => {
      root = await prepareImage(system)
    })

    test.each(['cloud-init', 'openssh-server'] as const)('has its generation of %s', (name) => {
      const [, version] =
        new RegExp(`^Package: ${name}\n(?:.+\n)*?Version: (.*)$`, 'm').exec(
          read('var/lib/dpkg/status'),
        ) ?? []
      expect(version?.slice(0, expected[system][name].length)).toBe(expected[system][name])
    })

    test('has no identity: no host key, no machine id, no name, no address of a name server', () => {
      const keys = readdirSync(join(root, 'etc/ssh')).filter((name) => name.startsWith('ssh_host_'))
      expect(keys).toEqual([])
      expect(read('etc/machine-id')).toBe('')
      expect(
        existsSync(join(root, 'var/lib/dbus/machine-id')) && read('var/lib/dbus/machine-id'),
      ).toBe(false)
      expect(
        readdirSync(join(root, 'etc')).filter((name) => /^(hostname|resolv\.conf)$/.test(name)),
      ).toEqual([])
    })

    test("has Debian's own package sources and settings, whatever this computer has", () => {
      const { codename } = expected[system]
      const ring = '[signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]'
      expect(read('etc/apt/sources.list').trim().split('\n')).toEqual([
        `deb ${ring} http://deb.debian.org/debian ${codename} main`,
        `deb ${ring} http://deb.debian.org/debian ${codename}-updates main`,
        `deb ${ring} http://deb.debian.org/debian-security ${codename}-security main`,
      ])
      const settings = ['sources.list.d', 'auth.conf.d', 'preferences.d'].flatMap((name) =>
        readdirSync(join(root, 'etc/apt', name)),
      )
      expect(settings).toEqual([])
      expect(readdirSync(join(root, 'etc/apt/apt.conf.d')).toSorted()).toEqual([
        '01autoremove',
        '70debconf',
      ])
      expect(readdirSync(join(root, 'etc/dpkg/dpkg.cfg.d'))).toEqual([])
    })

    test('has nothing in it of what made it', () => {
      for (const path of ['dev', 'tmp', 'var/tmp', 'proc', 'sys', 'var/cache/apt/archives/partial'])
        expect(list(join(root, path))).toEqual([])
      expect(list(join(root, 'var/lib/apt/lists'))).not.toContainEqual(
        expect.stringContaining('Packages'),
      )
    })
  })
}

/** Entries that this user may see; those of others (`partial` is apt's) are not this user's to leave anything in. */
function list(directory: string): string[] {
  try {
    return readdirSync(directory)
  } catch {
    return []
  }
}

describeOn({ kind: 'cloud-init', systems: ['debian-13'] }, 'a Debian', () => {
  test('that two processes want at once is built once, through the proxy of apt, and no password of its making stays', async () => {
    using folder = cacheFolder()
    using files = cacheFolder()
    await using archive = await startArchive(files.path, 'trixie')
    const configuration = join(files.path, 'apt.conf')
    writeFileSync(
      configuration,
      `Acquire::http::Proxy "http://me:proxy-secret@127.0.0.1:${archive.port}";\n`,
    )
    const lines = ['deb [trusted=yes] http://reader:mirror-secret@archive.test/debian trixie main']
    const finished = join(folder.path, 'image-trixie-0')
    const builders = [1, 2].map(() => build(finished, lines, { APT_CONFIG: configuration }))
    const said = await Promise.all(
      builders.map(async ({ child, stderr }) => [...(await once(child, 'exit')), await stderr]),
    )
    expect(said.map(([code, , told]) => (code === 0 ? code : told))).toEqual([0, 0])
    const buildings = said.filter(([, , told]) => String(told).includes('building Debian trixie'))
    expect(buildings).toHaveLength(1)
    expect([...archive.asked].toSorted()).toEqual([
      'Basic bWU6cHJveHktc2VjcmV0',
      'Basic cmVhZGVyOm1pcnJvci1zZWNyZXQ=',
    ])
    expect(archive.paths.filter((path) => path.endsWith('.deb'))).toEqual(['/debian/tiny.deb'])
    expect(readdirSync(folder.path).toSorted()).toEqual(['image-trixie-0', 'image-trixie-0.lock'])
    expect(readFileSync(join(finished, 'etc/debian_version'), 'utf8')).toBe('trixie\n')
    // As root of the namespace, who may read all of it.
    const found = inside(['grep', '-rlE', '--devices=skip', 'proxy-secret|mirror-secret', finished])
    expect(found).toBe('')
  })

  test('whose builder is killed leaves no file and no process', async () => {
    using folder = cacheFolder()
    const killed = build(join(folder.path, 'image-trixie-0'), debianRelease('trixie').lines)
    await underWay(folder.path)
    expect(processesIn(folder.path).length).toBeGreaterThan(2)
    killed.child.kill('SIGKILL')
    await expectNothing(folder.path)
  })

  test('is given up by Ctrl-C at an endpoint that needs it to start', async () => {
    using folder = cacheFolder()
    const { child } = start([cli, '--machine', 'rootless'], { XDG_CACHE_HOME: folder.path })
    await underWay(join(folder.path, 'benchaway'))
    child.kill('SIGINT')
    expect(await once(child, 'exit')).toEqual([0, null])
    await expectNothing(join(folder.path, 'benchaway'))
  })

  test('is given up with the endpoint whose launch needs it, and its half removed before that is closed', async () => {
    using folder = cacheFolder()
    vi.stubEnv('XDG_CACHE_HOME', folder.path)
    onTestFinished(() => void vi.unstubAllEnvs())
    const host = await openMachineHost('cloud-init')
    const machine = boot(host, { ...request(undefined), system: 'debian-13' })
    await underWay(join(folder.path, 'benchaway'))
    await host.close()
    expect(await machine.off).toEqual({ reason: 'unplugged' })
    expect(halves(join(folder.path, 'benchaway'))).toEqual([])
    expect(processesIn(folder.path)).toEqual([])
  })

  test('is given up with the machine whose launch needs it, which is off at once', async () => {
    using folder = cacheFolder()
    vi.stubEnv('XDG_CACHE_HOME', folder.path)
    onTestFinished(() => void vi.unstubAllEnvs())
    const host = await openMachineHost('cloud-init')
    const machine = boot(host, { ...request(undefined), system: 'debian-13' })
    await underWay(join(folder.path, 'benchaway'))
    const begin = performance.now()
    await machine.powerOff()
    expect(performance.now() - begin).toBeLessThan(10_000)
    expect(await machine.off).toEqual({ reason: 'unplugged' })
    expect(halves(join(folder.path, 'benchaway'))).toEqual([])
    await host.close()
  })

  test('goes on for whoever still waits when another does not', async () => {
    using folder = cacheFolder()
    vi.stubEnv('XDG_CACHE_HOME', folder.path)
    onTestFinished(() => void vi.unstubAllEnvs())
    const [patient, impatient] = [new AbortController(), new AbortController()]
    const waiting = prepareImage('debian-13', patient.signal)
    const leaving = prepareImage('debian-13', impatient.signal)
    waiting.catch(() => {})
    await underWay(join(folder.path, 'benchaway'))
    const [half] = halves(join(folder.path, 'benchaway'))
    impatient.abort(new Error('no more'))
    await expect(leaving).rejects.toThrow('no more')
    expect(halves(join(folder.path, 'benchaway'))).toEqual([half])
    patient.abort(new Error('nobody waits'))
    await expect(waiting).rejects.toThrow('nobody waits')
    expect(halves(join(folder.path, 'benchaway'))).toEqual([])
  })

  test('whose packages cannot be reached says so, with what apt has said but for a password, and leaves nothing', async () => {
    using folder = cacheFolder()
    using files = cacheFolder()
    // It would wait for longer and longer between its tries.
    writeFileSync(join(files.path, 'apt.conf'), 'Acquire::Retries "0";\n')
    vi.stubEnv('APT_CONFIG', join(files.path, 'apt.conf'))
    onTestFinished(() => void vi.unstubAllEnvs())
    const lines = ['deb http://reader:mirror-secret@127.0.0.1:1/debian trixie main']
    const failing = bootstrap(
      join(folder.path, 'image-trixie-0'),
      recipeOf({ codename: 'trixie', lines, archive: [] }, []),
      new AbortController().signal,
    )
    const error: unknown = await failing.catch((cause: unknown) => cause)
    expect(error).toMatchObject({
      name: 'LocalEc2Error',
      code: 'ROOTFS_FAILED',
      message: expect.stringMatching(
        /^Debian trixie could not be built: .*http:\/\/127\.0\.0\.1:1.*\n(.*\n)*E: /,
      ),
      hint: "Check the network, and the package sources and proxies of /etc/apt: they are apt's own.",
    })
    expect(String(error)).not.toContain('mirror-secret')
    expect(readdirSync(folder.path)).toEqual(['image-trixie-0.lock'])
  })
})

function halves(folder: string): string[] {
  return existsSync(folder) ? readdirSync(folder).filter((name) => /\.\w{10}$/.test(name)) : []
}

/** Resolves when apt is at work in it. */
async function underWay(folder: string): Promise<void> {
  const isUnderWay = (): boolean =>
    halves(folder).some((half) => existsSync(join(folder, half, 'root/var/lib/apt')))
  await expect.poll(isUnderWay, { timeout: 60_000, interval: 20 }).toBe(true)
}

async function expectNothing(folder: string): Promise<void> {
  await expect.poll(() => halves(folder), { timeout: 30_000, interval: 20 }).toEqual([])
  await expect.poll(() => processesIn(folder), soon).toEqual([])
  expect(readdirSync(folder).filter((name) => !name.endsWith('.lock'))).toEqual([])
}

interface Started {
  child: ChildProcess
  stderr: Promise<string>
}

function start(args: readonly string[], more: NodeJS.ProcessEnv = {}): Started {
  const child = spawn(process.execPath, ['--conditions=dev', ...args], {
    env: { ...process.env, ...more },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  return { child, stderr: text(child.stderr) }
}

const build = (finished: string, lines: readonly string[], more?: NodeJS.ProcessEnv): Started =>
  start([builder, finished, 'trixie', ...lines], more)

/** Those that were started for it: its path is in what each was called with, or it is their root. */
function processesIn(folder: string): string[] {
  return readdirSync('/proc').filter((pid) => {
    if (!/^\d+$/.test(pid)) return false
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(folder)
    } catch {
      return false
    }
  })
}

function inside(command: readonly string[]): string {
  try {
    return execFileSync('unshare', ['--user', '--map-root-user', '--map-auto', '--', ...command], {
      encoding: 'utf8',
    })
  } catch (error) {
    // grep that finds nothing.
    if (error instanceof Error && 'status' in error && error.status === 1) return ''
    throw error
  }
}

function cacheFolder(): Disposable & { path: string } {
  const path = mkdtempSync(join(tmpdir(), 'local-ec2-images-'))
  return { path, [Symbol.dispose]: () => void inside(['rm', '-rf', '--', path]) }
}

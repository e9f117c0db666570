/** The link of one machine, in a moment; link-conditions.test.ts says more. */
import { execFile } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

import { expect, onTestFinished, test } from 'vitest'

import { openMachineHost } from '../../src/machine/host.ts'
import { boot, cloudConfig, login, makeKeys, request, wantedKind } from './bench-kit.ts'
import { noLinks, openEcho, shortest } from './link-kit.ts'

test.skipIf(noLinks !== '')(
  `a session lives through a longer way, a cut, and back${noLinks}`,
  async () => {
    using keys = makeKeys()
    const host = await openMachineHost(wantedKind)
    onTestFinished(() => host.close())
    const machine = boot(host, request(cloudConfig(keys)))
    await login(machine, keys)
    using echo = openEcho(machine, keys)
    const near = await shortest(() => echo.roundTrip(), 9)

    await machine.link({ roundTripMs: 60 })
    const far = await shortest(() => echo.roundTrip(), 9)
    expect(far).toBeGreaterThanOrEqual(60)
    expect(far).toBeLessThan(near + 60 + 40)

    await machine.link({ cut: 'both' })
    let isBack = false
    const back = echo.roundTrip().then(() => (isBack = true))
    back.catch(() => undefined)
    // Many times what it would take.
    await sleep(400)
    expect(isBack).toBe(false)

    await machine.link({})
    await back
    expect(await shortest(() => echo.roundTrip(), 9)).toBeLessThan(60)
  },
)

// In a mount namespace of its own, where an empty folder lies over the device's; outside nothing changes.
test.each([
  ['root', '', 'Run: modprobe tun. In a container: start it with --device /dev/net/tun.'],
  [
    'an ordinary user',
    'unshare --user --map-user=1000',
    'Run: sudo modprobe tun && sudo chmod 666 /dev/net/tun, or start this as root.',
  ],
])('without /dev/net/tun %s is told how to get it', async (_, as, hint) => {
  const cover = `mount -t tmpfs none /dev/net && exec ${as} "$0" "$@"`
  const module = fileURLToPath(new URL('../../src/machine/link.ts', import.meta.url))
  const program = `import { needRelay } from '${module}'
    try { needRelay() } catch ({ code, message, hint }) { console.log(JSON.stringify({ code, message, hint })) }`
  const own = ['--user', '--map-root-user', '--mount', 'sh', '-c', cover, process.execPath]
  const { stdout } = await promisify(execFile)(
    'unshare',
    own.concat('--input-type=module-typescript', '--eval', program),
  )
  expect(JSON.parse(stdout)).toEqual({
    code: 'MACHINE_UNAVAILABLE',
    message:
      "a link cannot have conditions: ENOENT: no such file or directory, open '/dev/net/tun'",
    hint,
  })
})

/** `vitest bench` on machines that boot as those of EC2 do, with another Debian than this computer's. */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { expect, onTestFinished, test } from 'vitest'

import { describeOn } from '../../../local-ec2/tests/heavy/kit.ts'
import { expectComparison, files } from '../pool/comparison.ts'
import { lastLine, Project, typeA } from '../pool/project.ts'

describeOn(
  { kind: 'systemd', systems: ['debian-13'] },
  'on machines of kind systemd with debian-13',
  () => {
    test('an unmodified file runs, its results come back, and nothing is left', async () => {
      const wanted = { machine: 'systemd', image: 'debian-13', types: [typeA] }
      expect(await expectComparison(wanted)).toEqual([
        expect.stringMatching(/^Debian GNU\/Linux 13 \(trixie\) below systemd$/),
      ])
    })

    test('the first run says what it waits for, and Ctrl-C does not wait for that', async () => {
      const cache = mkdtempSync(join(tmpdir(), 'benchaway-cache-'))
      onTestFinished(() => rmSync(cache, { recursive: true }))
      const project = new Project(files, { image: 'debian-13' })
      const env = { BENCHAWAY_MACHINE: 'systemd', XDG_CACHE_HOME: cache }
      const { child, until, ended } = project.start(['bench'], env)
      await until('local-ec2: building Debian trixie in ')
      const begin = performance.now()
      child.kill('SIGINT')
      const { exitCode, text } = await ended
      expect(performance.now() - begin).toBeLessThan(30_000)
      expect(exitCode).toBe(130)
      expect(text).toMatch(/: once, about a minute$/m)
      expect(lastLine(text)).toBe('left behind: nothing')
      expect(project.leftovers()).toEqual([])
      expect(
        readdirSync(join(cache, 'benchaway')).filter((name) => /^image-.*(?<!\.lock)$/.test(name)),
      ).toEqual([])
    })
  },
)

import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { promisify } from 'node:util'

import { startLocalEc2 } from '@benchaway/local-ec2'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { leftAt, type } from './local.ts'

type Local = Awaited<ReturnType<typeof startLocalEc2>>

const root = path.join(import.meta.dirname, '..')
const readme = readFileSync(path.join(root, 'README.md'), 'utf8')
const [first = '', second = ''] = Array.from(
  readme.matchAll(/^```ts\n(.*?)^```$/gms),
  ([, code]) => code,
)

describe('the examples of the README', () => {
  let local: Local
  let folder: string
  beforeAll(async () => {
    local = await startLocalEc2()
    // Below the package, whose name they import.
    folder = mkdtempSync(path.join(root, 'tests', '.readme-'))
  }, 120_000)
  afterAll(async () => {
    rmSync(folder, { recursive: true })
    await local.close()
  })

  /** With the endpoint of this test in place of a region, and types of this computer's architecture. */
  async function run(code: string): Promise<string> {
    const { stdout } = await promisify(execFile)(process.execPath, write(code), { cwd: folder })
    return stdout
  }

  /** @returns arguments for Node */
  function write(code: string): string[] {
    const { endpoint, region, credentials } = local
    const target = `target: ${JSON.stringify({ endpoint, region, credentials })}`
    const here = code
      .replace("region: 'eu-central-1'", target)
      .replace(/type: '[^']+'/, `type: '${type}'`)
    expect(here).not.toBe(code)
    const file = path.join(folder, 'example.ts')
    writeFileSync(file, here)
    return ['--conditions=dev', file]
  }

  test('a file is pushed, and two machines reach each other', async () => {
    writeFileSync(path.join(folder, 'words.txt'), 'one\ntwo\n')
    expect(await run(first)).toBe('2\n\nreached\n\n')
  })

  test('commands, files, a server, a tunnel and OpenSSH', async () => {
    mkdirSync(path.join(folder, 'fixtures', 'deep'), { recursive: true })
    writeFileSync(path.join(folder, 'fixtures', 'deep', 'a.json'), '{}')
    writeFileSync(path.join(folder, 'fixtures', 'noise.log'), 'noise')
    const stdout = await run(second)
    expect(stdout).toContain('stdout 1\nstdout 2\nstdout 3\n')
    expect(stdout).toContain('stderr done\n')
    expect(stdout).toMatch(/^\d+ behind 127\.0\.0\.1:\d+ on Linux \S+ \d+$/m)
    expect(stdout).toMatch(/^ssh -F \S+\/config i-\w+$/m)
    const here = readdirSync(path.join(folder, 'results'), { recursive: true, encoding: 'utf8' })
    expect(here.toSorted()).toEqual(['deep', 'deep/a.json'])
  })
  test('with the handler of the README nothing is left after Ctrl-C', async () => {
    const [, handler = ''] = /^```js\n(.*?)^```$/ms.exec(readme) ?? []
    const [launch = ''] = /^.*?fleet\.launch\(.*?\n/s.exec(second) ?? []
    const work = `console.log('up')\nawait machine.exec('sleep 600')\n`
    const child = spawn(process.execPath, write(launch + handler + work), { cwd: folder })
    await once(child.stdout, 'data')
    child.kill('SIGINT')
    expect(await once(child, 'exit')).toEqual([130, null])
    expect(await leftAt(local)).toEqual([])
  })
})

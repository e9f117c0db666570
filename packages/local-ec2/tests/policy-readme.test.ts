import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { promisify } from 'node:util'

import { expect, test } from 'vitest'

const root = path.join(import.meta.dirname, '..')
const readme = readFileSync(path.join(root, 'README.md'), 'utf8')
const [, section = ''] = /^## Users, roles and policies\n(.*?)(?=^## )/ms.exec(readme) ?? []
const [, example = ''] = /^```ts\n(.*?)^```$/ms.exec(section) ?? []

test('the README’s user may do what its policy says, and hears of the rest what the comment says', async () => {
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--conditions=dev', '--input-type=module-typescript', '--eval', example],
    { cwd: root },
  )
  const [, promised = ''] = /\/\/ (You are not .*?) …\n/.exec(example) ?? []
  expect(promised).not.toBe('')
  expect(stdout).toContain(`UnauthorizedOperation ${promised} is not authorized to perform: `)
  expect(stdout).toContain(
    ' ec2:CreateKeyPair on resource: arn:aws:ec2:us-east-1:000000000000:key-pair/mine ',
  )
})

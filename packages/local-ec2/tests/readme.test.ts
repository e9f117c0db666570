import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { promisify } from 'node:util'

import { expect, test } from 'vitest'

const root = path.join(import.meta.dirname, '..')
const [, example = ''] =
  /^```ts\n(.*?)^```$/ms.exec(readFileSync(path.join(root, 'README.md'), 'utf8')) ?? []

test('the README’s first example gives the SDK all that it needs', async () => {
  const asks = `import { DescribeVpcsCommand } from '@aws-sdk/client-ec2'
    console.log((await ec2.send(new DescribeVpcsCommand({}))).Vpcs.length)`
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--conditions=dev', '--input-type=module-typescript', '--eval', example + asks],
    {
      cwd: root,
      // What the example does not give it must not find elsewhere.
      env: {
        ...process.env,
        AWS_CONFIG_FILE: '/dev/null',
        AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
      },
    },
  )
  expect(stdout).toBe('1\n')
})

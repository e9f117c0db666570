import { expect, test } from 'vitest'

import { needPrograms } from './probe.ts'

const sudo = process.getuid?.() === 0 ? '' : 'sudo '

test('what is missing is named, with the one command that brings it', () => {
  expect(() => needPrograms(['ls', 'no-such-program', 'nor-this'])).toThrow(
    expect.objectContaining({
      name: 'LocalEc2Error',
      code: 'MACHINE_UNAVAILABLE',
      message:
        'local machines need no-such-program, nor-this, not found in ' +
        '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
      hint: `Run: ${sudo}apt-get install -y no-such-program nor-this`,
    }),
  )
})

test('what is there is not asked for', () => {
  expect(needPrograms(['ls', 'sh'])).toBeUndefined()
})

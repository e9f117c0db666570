import { expect, test } from 'vitest'

import { footerLines } from './report.ts'

const phases = { bootMs: 1234, shipMs: 800, measureMs: 60_000, cleanMs: 49 }
const tags = { owner: 'user/me', project: 'p', run: 'r', expires: 0 }

test('nothing left is the last line, and says so in these very words', () => {
  expect(footerLines({ phases, left: [], failure: undefined })).toEqual([
    '     Machines  boot 1.2 s, ship 0.8 s, measure 60.0 s, clean up 0.0 s',
    '    Inventory  0 instances, 0 volumes, 0 network interfaces, 0 security groups',
    '',
    'left behind: nothing',
  ])
})

test('what is left is counted by kind and listed', () => {
  const left = [
    { kind: 'instance', id: 'i-1', state: 'running', tags },
    { kind: 'security-group', id: 'sg-1', state: undefined, tags },
  ] as const
  expect(footerLines({ phases, left, failure: undefined }).slice(1)).toEqual([
    '    Inventory  1 instance, 0 volumes, 0 network interfaces, 1 security group',
    '',
    '  instance i-1 running',
    '  security-group sg-1',
    'left behind: 2',
  ])
})

test('when the account could not be asked, it does not claim that nothing is left', () => {
  const failure = new Error('ExpiredToken', { cause: new Error('too late') })
  expect(footerLines({ phases, left: [], failure }).slice(1)).toEqual([
    '',
    'clean-up failed: ExpiredToken\nCaused by: too late',
    'The machines end by themselves once their lease is over; the next run deletes the rest.',
    'left behind: unknown',
  ])
})

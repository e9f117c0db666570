import { expect, test } from 'vitest'

import { ownerOf } from './identity.ts'

test.each([
  ['arn:aws:iam::123456789012:user/ann', 'user/ann'],
  ['arn:aws:iam::123456789012:user/team/lib/ann', 'user/ann'],
  ['arn:aws:sts::123456789012:assumed-role/ci/session-17', 'role/ci'],
  ['arn:aws-us-gov:sts::123456789012:assumed-role/ci/other-session', 'role/ci'],
  [
    'arn:aws:sts::123456789012:assumed-role/AWSReservedSSO_Dev_0a1b/ann@example.com',
    'role/AWSReservedSSO_Dev_0a1b/ann@example.com',
  ],
  ['arn:aws:sts::123456789012:federated-user/bob', 'federated-user/bob'],
  ['arn:aws:iam::123456789012:root', 'root'],
])('the owner behind %s is %s', (arn, owner) => {
  expect(ownerOf(arn)).toBe(owner)
})

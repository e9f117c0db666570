import { expect, test } from 'vitest'

import { resolveFleetOptions, resolveLaunchOptions } from './options.ts'

// What a JavaScript user can pass and TypeScript would have refused.
const given = (options: object): never => options as never

test.each([
  [{}, `openFleet() needs the option 'project'`],
  [{ project: 'My Lib' }, `option 'project' of openFleet() is 'My Lib'`],
  [{ project: 'p', projct: 'p' }, `openFleet() has no option 'projct'`],
  [{ project: 'p', target: 'azure' }, `option 'target' of openFleet() is 'azure'`],
  [
    { project: 'p', target: { endpoint: 'https://ec2.example.com', credentials: { secret: 's' } } },
    `option 'target' of openFleet() is { endpoint, credentials }`,
  ],
  [{ project: 'p', region: '' }, `option 'region' of openFleet() is ''`],
  [
    { project: 'p', ingress: ['10.0.0.0/33'] },
    `option 'ingress' of openFleet() is [ '10.0.0.0/33' ]`,
  ],
  [{ project: 'p', ingress: '10.0.0.0/8' }, `option 'ingress' of openFleet() is '10.0.0.0/8'`],
  [{ project: 'p', ttlMs: '1h' }, `option 'ttlMs' of openFleet() is '1h'`],
  [{ project: 'p', maxInstances: 1.5 }, `option 'maxInstances' of openFleet() is 1.5`],
])('openFleet(%j) is refused: %s', (options, message) => {
  expect(() => resolveFleetOptions(given(options))).toThrowError(
    expect.objectContaining({ code: 'OPTION_INVALID', message, hint: expect.any(String) }),
  )
})

test.each([
  [{}, `launch() needs the option 'type'`],
  [{ type: 'large' }, `option 'type' of launch() is 'large'`],
  [{ type: 'm7i.large', count: 0 }, `option 'count' of launch() is 0`],
  [{ type: 'm7i.large', image: 'windows' }, `option 'image' of launch() is 'windows'`],
  [
    { type: 'm7i.large', image: 'ami-0123456789abcdef0' },
    `image 'ami-0123456789abcdef0' needs the option 'user'`,
  ],
  [
    { type: 'm7i.large', userData: ['#!/bin/sh', 'apt-get update'] },
    `part 2 of option 'userData' of launch() is neither a script nor a cloud-config nor a boothook`,
  ],
])('launch(%j) is refused: %s', (options, message) => {
  expect(() => resolveLaunchOptions(given(options))).toThrowError(
    expect.objectContaining({ code: 'OPTION_INVALID', message, hint: expect.any(String) }),
  )
})

test('the hint says what is allowed', () => {
  expect(() => resolveFleetOptions(given({ project: 'p', image: 'debian-12' }))).toThrowError(
    expect.objectContaining({
      hint: 'Use only project, target, region, ingress, graceMs, ttlMs, maxInstances, log.',
    }),
  )
})

test('an absent option has its documented default', () => {
  expect(resolveFleetOptions({ project: 'p' })).toMatchObject({
    target: 'aws',
    ingress: 'me',
    graceMs: 600_000,
    ttlMs: 3_600_000,
    maxInstances: 8,
  })
  expect(resolveLaunchOptions({ type: 'm7i.large' })).toMatchObject({
    count: 1,
    image: 'debian-12',
    parts: [],
  })
})

test.each([undefined, null, 'my-lib'])(
  'openFleet(%j) says that it needs its options',
  (options) => {
    expect(() => resolveFleetOptions(options as never)).toThrowError(
      expect.objectContaining({
        code: 'OPTION_INVALID',
        message: expect.stringMatching(/^openFleet\(\) needs its options, and got /),
      }),
    )
  },
)

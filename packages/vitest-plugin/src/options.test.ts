import { expect, test } from 'vitest'

import { type BenchawayOptions, resolveOptions } from './options.ts'

const valid: BenchawayOptions = { project: 'my-lib', instances: ['m7i.large'] }

/** As a JavaScript config may give them, where no type checker looks. */
function resolve(options: object, variables: NodeJS.ProcessEnv = {}): unknown {
  const given: BenchawayOptions = { ...valid, ...options }
  return resolveOptions(given, variables)
}

test('everything but project and instances has a default', () => {
  expect(resolveOptions(valid, {})).toEqual({
    project: 'my-lib',
    instances: ['m7i.large'],
    target: 'aws',
    drivers: '**/*.driver.bench.?(c|m)[jt]s?(x)',
    files: [],
    env: [],
  })
})

test('BENCHAWAY_TARGET chooses the target, and the option wins over it', () => {
  expect(resolve({}, { BENCHAWAY_TARGET: 'local' })).toMatchObject({ target: 'local' })
  expect(resolve({ target: 'aws' }, { BENCHAWAY_TARGET: 'local' })).toMatchObject({ target: 'aws' })
  expect(() => resolve({}, { BENCHAWAY_TARGET: 'Local' })).toThrow(
    expect.objectContaining({
      code: 'OPTION_INVALID',
      message: "the variable BENCHAWAY_TARGET is 'Local'",
      hint: "Set it to 'aws' or 'local', or unset it.",
    }),
  )
})

test.for([
  ['instance', "Did you mean 'instances'?"],
  ['Project', "Did you mean 'project'?"],
  ['maxInstance', "Did you mean 'maxInstances'?"],
  ['ttl', "Did you mean 'ttlMs'?"],
])('an unknown option %s is told apart from the one that was meant', ([name = '', hint]) => {
  expect(() => resolve({ [name]: 1 })).toThrow(
    expect.objectContaining({
      code: 'OPTION_INVALID',
      message: `benchaway() has no option '${name}'`,
      hint,
    }),
  )
})

test('an option like no other is answered with the list of all', () => {
  expect(() => resolve({ bananas: 1 })).toThrow(
    expect.objectContaining({
      hint: 'Use only project, instances, target, region, image, user, drivers, files, env, ingress, maxInstances, graceMs, ttlMs.',
    }),
  )
})

test.for<[string, unknown, string]>([
  ['project', 'My Lib', "'My Lib'"],
  ['project', '', "''"],
  ['instances', [], '[]'],
  ['instances', ['m7i.large', 'm7i.large'], "[ 'm7i.large', 'm7i.large' ]"],
  ['instances', 'm7i.large', "'m7i.large'"],
  ['instances', ['large'], "[ 'large' ]"],
  ['target', 'gcp', "'gcp'"],
  ['region', 1, '1'],
  ['files', ['../secret'], "[ '../secret' ]"],
  ['files', ['/etc/passwd'], "[ '/etc/passwd' ]"],
  ['files', ['a/../../b'], "[ 'a/../../b' ]"],
  ['env', ['AWS_SECRET_ACCESS_KEY'], "[ 'AWS_SECRET_ACCESS_KEY' ]"],
  ['env', 'HOME', "'HOME'"],
  ['ingress', 'all', "'all'"],
  ['maxInstances', 0, '0'],
  ['ttlMs', '1h', "'1h'"],
  ['graceMs', 10, '10'],
])('%s: %j is refused', ([name, value, read]) => {
  expect(() => resolve({ [name]: value })).toThrow(
    expect.objectContaining({
      code: 'OPTION_INVALID',
      message: `option '${name}' of benchaway() is ${read}`,
      hint: expect.stringMatching(/^Give .+\.$/),
    }),
  )
})

test('what is missing is named', () => {
  expect(() => resolve({ instances: undefined })).toThrow(
    expect.objectContaining({
      message: "benchaway() needs the option 'instances'",
      hint: "Give a list of different instance types, such as ['m7i.large', 'c8g.large'].",
    }),
  )
})

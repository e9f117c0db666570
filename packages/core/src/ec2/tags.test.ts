import { expect, test } from 'vitest'

import { readTags, scopeFilters, tagSpecifications } from './tags.ts'

const scope = { owner: 'user/ann', project: 'my-lib' }
const run = { ...scope, run: '01JD2ZQ4K8M3N5P7R9T1V3X5Z7', expires: 1_800_000_000_000 }
const written = tagSpecifications(run, ['instance'])[0]?.Tags

test('what is written is read back', () => {
  expect(readTags(written, scope)).toEqual(run)
})

test.each([
  'benchaway:v',
  'benchaway:owner',
  'benchaway:project',
  'benchaway:run',
  'benchaway:expires',
])('a resource without %s is not ours', (key) => {
  expect(
    readTags(
      written?.filter((tag) => tag.Key !== key),
      scope,
    ),
  ).toBeUndefined()
})

test.each([
  ['benchaway:v', '2'],
  ['benchaway:owner', 'user/anna'],
  ['benchaway:project', 'my-lib2'],
  ['benchaway:expires', 'soon'],
  ['benchaway:expires', '-1'],
])('a resource whose %s is %s is not ours', (key, value) => {
  const foreign = written?.map((tag) => (tag.Key === key ? { Key: key, Value: value } : tag))
  expect(readTags(foreign, scope)).toBeUndefined()
})

test('a wildcard in a name asks for that very character', () => {
  const [, owner] = scopeFilters({ owner: 'user/a*b?c\\d', project: 'p' })
  expect(owner).toEqual({ Name: 'tag:benchaway:owner', Values: ['user/a\\*b\\?c\\\\d'] })
})

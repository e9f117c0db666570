import { readFileSync } from 'node:fs'

import { expect, test } from 'vitest'

import { ec2Actions, stsActions } from '../src/actions/index.ts'

test('the README names every action that there is, and no other', () => {
  const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8')
  const [, section = ''] = /^## What is there\n(.*?)^- Images/ms.exec(readme) ?? []
  const named = [...section.matchAll(/`(\w+)`/g)].map(([, name = '']) => name)
  expect(named.toSorted()).toEqual(Object.keys({ ...ec2Actions, ...stsActions }).toSorted())
})

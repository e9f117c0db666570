import { expect, test } from 'vitest'

import { Project, quick } from './project.ts'

test('links among `files` bring what they lead to, wherever that lies, and folders with all that is in them', async () => {
  const project = new Project(
    {
      'reads.bench.ts': `
        import { readFileSync } from 'node:fs'
        import { expect, test } from 'vitest'
        test('reads', async ({ bench }) => {
          const names = ['plain', 'link', 'folder/deep/far', 'folder/deep/back/near', '../top/plain']
          const texts = names.map((name) => readFileSync('data/' + name, 'utf8'))
          expect(texts).toEqual(['plain', 'real', 'far', 'near', 'plain'])
          await bench('x', () => {}).run(${quick})
        })`,
      'data/plain': 'plain',
      'real.json': 'real',
      'elsewhere/deep/far': 'far',
      'beside/near': 'near',
    },
    { files: ['data', 'top/*'] },
  )
  project.link('data/link', '../real.json')
  project.link('data/folder', '../elsewhere')
  project.link('elsewhere/deep/back', `${project.folder}/beside`)
  project.link('top', 'data')
  const { exitCode, text } = await project.bench()
  expect(text).toContain('reads.bench.ts (1 test)')
  expect(exitCode).toBe(0)
})

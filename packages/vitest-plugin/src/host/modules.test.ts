import { expect, test } from 'vitest'

import { withoutSources } from './modules.ts'

test('no source map carries the text of files, neither beside the code nor in it', () => {
  const map = {
    version: 3,
    sources: ['/etc/passwd'],
    sourcesContent: ['TOP SECRET'],
    mappings: 'AAAA',
    sections: [{ offset: { line: 0, column: 0 }, map: { sourcesContent: ['TOP SECRET'] } }],
  }
  const json = JSON.stringify(map)
  const url = `//# sourceMappingURL=data:application/json`
  const base64 = Buffer.from(json).toString('base64')
  const code = `a\n${url};charset=utf-8;base64,${base64}\n${url},${encodeURIComponent(json)}\n`
  const answer = withoutSources({ code, sourceMap: json })
  const inline = (answer.code ?? '').split('base64,').slice(1)
  const maps = [
    answer.sourceMap ?? '',
    ...inline.map((one) => Buffer.from(one, 'base64').toString()),
  ]
  expect(maps).toHaveLength(3)
  for (const one of maps) expect(one).not.toContain('SECRET')
  for (const one of maps) expect(one).toContain('"mappings":"AAAA"')
  expect(answer.code).toMatch(/^a\n/)
})

test('what is no source map is not sent as one', () => {
  expect(withoutSources({ sourceMap: 'TOP SECRET' }).sourceMap).toBeUndefined()
})

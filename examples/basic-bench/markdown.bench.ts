import { readFileSync } from 'node:fs'

import MarkdownIt from 'markdown-it'
import { marked } from 'marked'
import { expect, test } from 'vitest'

const article = readFileSync(new URL('article.md', import.meta.url), 'utf8')
const markdownIt = new MarkdownIt()

test('Markdown to HTML', async ({ bench }) => {
  expect(markdownIt.render(article)).toContain('<h1>')
  await bench.compare(
    bench('marked', () => {
      marked.parse(article, { async: false })
    }),
    bench('markdown-it', () => {
      markdownIt.render(article)
    }),
  )
})

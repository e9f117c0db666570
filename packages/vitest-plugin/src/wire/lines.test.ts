import { expect, test } from 'vitest'

import { encodeLine, LineReader } from './lines.ts'

test('messages survive being cut at every byte', () => {
  const sent = [{ text: 'äöü\n\u{1f600}', list: [1, null, true] }, 'last']
  const stream = Buffer.from(sent.map((one) => encodeLine(one)).join(''))
  const reader = new LineReader(1000)
  expect([...stream].flatMap((byte) => reader.push(Buffer.from([byte])))).toEqual(sent)
  expect(new LineReader(1000).push(stream)).toEqual(sent)
})

test('numbers that JSON has no word for arrive as text, not as null', () => {
  expect(encodeLine({ a: Infinity, b: -Infinity, c: Number.NaN, d: -0.5 })).toBe(
    '{"a":"Infinity","b":"-Infinity","c":"NaN","d":-0.5}\n',
  )
})

test('a line that is too long is refused before its end has come', () => {
  const reader = new LineReader(10)
  expect(reader.push(Buffer.from('"12345678"\n"1234'))).toEqual(['12345678'])
  expect(() => reader.push(Buffer.from('567890'))).toThrow(
    new Error('a line of more than 10 bytes arrived'),
  )
})

test('what is no JSON is an error, not a message', () => {
  expect(() => new LineReader(100).push(Buffer.from('Welcome!\n'))).toThrow(SyntaxError)
})

test('a key that would reach into prototypes is plain data', () => {
  const [message] = new LineReader(100).push(Buffer.from('{"__proto__":{"admin":true}}\n'))
  expect(message).not.toHaveProperty('admin')
  expect(Object.getPrototypeOf({})).not.toHaveProperty('admin')
})

import v8 from 'node:v8'

import { expect, test } from 'vitest'

import { encodeFrame, FrameReader } from './frames.ts'

test('a message survives being cut at every byte', () => {
  const cyclic: Record<string, unknown> = { map: new Map([['a', 1n]]), text: 'äöü \u{1f600}' }
  cyclic['self'] = cyclic
  const stream = Buffer.concat([encodeFrame(cyclic), encodeFrame(undefined), encodeFrame('last')])
  const reader = new FrameReader()
  const messages = [...stream].flatMap((byte) => reader.push(Buffer.from([byte])))
  expect(messages).toEqual([cyclic, undefined, 'last'])
})

test('many messages in one chunk come out in order', () => {
  const sent = Array.from({ length: 1000 }, (_, index) => ({ index }))
  expect(new FrameReader().push(Buffer.concat(sent.map((one) => encodeFrame(one))))).toEqual(sent)
})

test('a frame is what v8.serialize writes, with its length in front', () => {
  const frame = encodeFrame({ a: [1, 2, 3] })
  expect(frame.readUInt32LE(0)).toBe(frame.length - 4)
  expect(v8.deserialize(frame.subarray(4))).toEqual({ a: [1, 2, 3] })
})

test('an error keeps its message, its stack and its cause', () => {
  const error = new TypeError('no', { cause: new Error('why') })
  const [copy] = new FrameReader().push(encodeFrame(error))
  expect(copy).toBeInstanceOf(TypeError)
  expect(copy).toMatchObject({ message: 'no', stack: error.stack, cause: { message: 'why' } })
})

test('a frame that is announced larger than the limit is refused before its bytes are kept', () => {
  const head = Buffer.alloc(4)
  head.writeUInt32LE(1001)
  expect(() => new FrameReader(1000).push(head)).toThrow(
    new Error('a frame of 1001 bytes arrived, more than 1000 are allowed'),
  )
})

test('a message of 64 MB in chunks of 16 KB is joined once, not at every chunk', () => {
  const frame = encodeFrame(Buffer.alloc(64 * 1024 * 1024, 7))
  const reader = new FrameReader(128 * 1024 * 1024)
  const started = performance.now()
  const messages: unknown[] = []
  for (let at = 0; at < frame.length; at += 16_384) {
    messages.push(...reader.push(frame.subarray(at, at + 16_384)))
  }
  expect(messages).toHaveLength(1)
  // Joining at each of the 4096 chunks would copy 130 GB.
  expect(performance.now() - started).toBeLessThan(3000)
})

test('after a frame that is too large nothing more is taken', () => {
  const reader = new FrameReader(1000)
  expect(() => reader.push(encodeFrame('x'.repeat(2000)))).toThrow('more than 1000')
  expect(reader.push(encodeFrame('honest'))).toEqual([])
})

/**
 * What a machine prints is shown on the developer's terminal, where a control sequence can set the title, answer a
 * query into the shell's input or overwrite what stands there. Only colours, line breaks and tabs get through.
 */
import { StringDecoder } from 'node:string_decoder'

const escape = String.raw`\u001b`
// Lengths are bounded: who begins a sequence and never ends it must not cost more time with every byte.
const colour = `${escape}\\[[0-9;:]{0,100}m`
const sequence = [
  `${escape}\\[[\\x30-\\x3f]{0,100}[\\x20-\\x2f]{0,100}[\\x40-\\x7e]`,
  // Titles, clipboards and links: a text that ends with BEL or ST.
  `${escape}[\\]PX^_][^\\u0007\\u001b\\u009c]{0,4096}(?:\\u0007|\\u009c|${escape}\\\\)`,
  `${escape}[\\x20-\\x2f]{0,100}[\\x30-\\x5a\\x5c\\x60-\\x7e]`,
].join('|')
const control = String.raw`[\u0000-\u0008\u000b-\u001f\u007f-\u009f]`
const unwanted = new RegExp(`(${colour})|${sequence}|${control}`, 'g')
// What may still become a colour or a sequence when the next bytes come.
const unfinished = new RegExp(
  `${escape}(?:\\[[\\x20-\\x3f]{0,200}|[\\]PX^_][^\\u0007\\u001b\\u009c]{0,1000}${escape}?|[\\x20-\\x2f]{0,100})$`,
)

/** The text without control characters and sequences, except colours (SGR), `\n` and `\t`. */
export function cleanText(text: string): string {
  return text.replace(unwanted, (_, kept: string | undefined) => kept ?? '')
}

/** The same for a stream: a sequence or a character may be cut in two by the chunks. */
export class CleanStream {
  readonly #decoder = new StringDecoder('utf8')
  #held = ''

  write(chunk: Buffer): string {
    const text = this.#held + this.#decoder.write(chunk)
    this.#held = unfinished.exec(text)?.[0] ?? ''
    return cleanText(text.slice(0, text.length - this.#held.length))
  }

  end(): string {
    return cleanText(this.#held + this.#decoder.end())
  }
}

/**
 * Cleans every string of a message in place. Messages are cyclic, because a task knows its file and a file its tasks.
 *
 * @returns the message itself, or the clean text if it is one
 */
export function cleanMessage<T>(message: T): T
export function cleanMessage(message: unknown): unknown {
  return clean(message, new Set())
}

function clean(value: unknown, seen: Set<object>): unknown {
  if (typeof value === 'string') return cleanText(value)
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return value
  if (seen.has(value)) return value
  seen.add(value)
  if (Array.isArray(value) && isNumbers(value)) return value
  if (value instanceof Map) {
    const entries = [...value]
    value.clear()
    for (const [key, one] of entries) value.set(clean(key, seen), clean(one, seen))
  } else if (value instanceof Set) {
    const members = [...value]
    value.clear()
    for (const one of members) value.add(clean(one, seen))
  } else {
    cleanProperties(value, seen)
  }
  return value
}

// A result may keep millions of samples; asking for each as a property takes seconds.
function isNumbers(values: readonly unknown[]): boolean {
  for (let index = 0; index < values.length; index++) {
    if (typeof values[index] !== 'number') return false
  }
  return true
}

function cleanProperties(object: object, seen: Set<object>): void {
  // Not Object.keys: the message and the stack of an error are not enumerable.
  for (const key of Object.getOwnPropertyNames(object)) {
    const property = Object.getOwnPropertyDescriptor(object, key)
    if (property === undefined || !('value' in property)) continue
    const before: unknown = property.value
    const after = clean(before, seen)
    const name = cleanText(key)
    if (name !== key) Reflect.deleteProperty(object, key)
    if (after !== before || name !== key) {
      Object.defineProperty(object, name, { ...property, value: after })
    }
  }
}

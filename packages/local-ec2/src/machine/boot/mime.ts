/**
 * MIME as Python's `email` reads it, because that is what cloud-init does.
 *
 * A library that is made for mail shows the text parts of a message as one text; and it would repair what
 * breaks on EC2: of a part that is not base64, Python hands cloud-init the letters beyond ASCII in a form of its own.
 */
export interface Entity {
  /** Lower case, such as `text/plain`, which is also what it is when the message does not say. */
  type: string
  filename: string | undefined
  /** By names in lower case; the first of each name. */
  headers: ReadonlyMap<string, string>
  bytes: Uint8Array
}

const maxDepth = 8
const maxEntities = 10_000

/**
 * What a message consists of, in its order; whatever only holds others is left out.
 *
 * @throws when it is nested too deeply, or has too many parts
 */
export function readMime(text: string): Entity[] {
  const reader = new Reader(text.match(/[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+$/g) ?? [])
  reader.entity([])
  return reader.entities
}

class Reader {
  readonly entities: Entity[] = []
  readonly #lines: readonly string[]
  #at = 0

  constructor(lines: readonly string[]) {
    this.#lines = lines
  }

  /** @param ends boundaries of what is around it */
  entity(ends: readonly RegExp[]): void {
    if (ends.length > maxDepth) throw new Error(`nested more than ${maxDepth} deep`)
    const headers = this.#headers(ends)
    const { value: type, parameters } = parse(headers.get('content-type') ?? 'text/plain')
    const kind = /^[^/]*\/[^/]*$/.test(type) ? type : 'text/plain'
    const boundary = parameters.get('boundary')?.trimEnd()
    if (kind.startsWith('message/')) {
      // A part by itself, which nothing knows, before what is in it.
      this.#add({ type: kind, filename: undefined, headers, bytes: new Uint8Array() })
      this.entity([...ends, /$^/])
    } else if (kind.startsWith('multipart/') && boundary !== undefined) this.#parts(boundary, ends)
    else {
      const body = this.#until(ends)
      // The end of its last line belongs to the boundary that follows.
      const text = body.join('').replace(ends.length > 0 ? /(?:\r\n|\r|\n)$/ : /$^/, '')
      if (kind.startsWith('multipart/')) return
      const disposition = parse(headers.get('content-disposition') ?? '')
      const filename = disposition.parameters.get('filename') ?? parameters.get('name')
      const bytes = decode(text, headers.get('content-transfer-encoding') ?? '')
      this.#add({ type: kind, filename: filename?.trim(), headers, bytes })
    }
  }

  #add(entity: Entity): void {
    if (this.entities.push(entity) > maxEntities) throw new Error(`more than ${maxEntities} parts`)
  }

  #headers(ends: readonly RegExp[]): Map<string, string> {
    const headers = new Map<string, string>()
    let name: string | undefined
    for (let line = this.#next(ends); line !== undefined; line = this.#next(ends)) {
      const field = /^([!-9;-~]+):(.*)$/s.exec(line)
      if (/^[ \t]/.test(line)) {
        if (name !== undefined) headers.set(name, `${headers.get(name)}${line}`)
      } else if (field !== null) {
        const [, key = '', value = ''] = field
        // A second one of a name takes its continuation lines with it.
        name = headers.has(key.toLowerCase()) ? undefined : key.toLowerCase()
        if (name !== undefined) headers.set(name, value)
      } else if (!line.startsWith('From ')) {
        // A line that is no header is the first one of the body.
        if (!/^[\r\n]/.test(line)) this.#at--
        break
      }
    }
    return new Map([...headers].map(([key, value]) => [key, value.trim()]))
  }

  #parts(boundary: string, ends: readonly RegExp[]): void {
    const literal = boundary.replaceAll(/[\\^$.*+?()[\]{}|]/g, String.raw`\$&`)
    const end = new RegExp(String.raw`^--${literal}(--)?[ \t]*(?:\r\n|\r|\n)?$`)
    for (let line = this.#next(ends); line !== undefined; line = this.#next(ends)) {
      const found = end.exec(line)
      if (found?.[1] !== undefined) break
      if (found !== null) {
        while (end.exec(this.#lines[this.#at] ?? '')?.[1] === undefined && this.#isAt(end))
          this.#at++
        this.entity([...ends, end])
      }
    }
    this.#until(ends)
  }

  #isAt(end: RegExp): boolean {
    const line = this.#lines[this.#at]
    return line !== undefined && end.test(line)
  }

  #next(ends: readonly RegExp[]): string | undefined {
    const line = this.#lines[this.#at]
    if (line === undefined || ends.some((end) => end.test(line))) return undefined
    this.#at++
    return line
  }

  #until(ends: readonly RegExp[]): string[] {
    const from = this.#at
    while (this.#next(ends) !== undefined);
    return this.#lines.slice(from, this.#at)
  }
}

/** A header's value and its parameters, by names in lower case. A quote that nobody closes ends with the header. */
function parse(header: string): { value: string; parameters: Map<string, string> } {
  const [value = '', ...fields] = header.match(/(?:"(?:\\.|[^"\\])*(?:"|\\?$)|[^;"])+/gs) ?? []
  const parameters = new Map<string, string>()
  for (const field of fields) {
    const equals = field.indexOf('=')
    if (equals < 0) continue
    const name = field.slice(0, equals).trim().toLowerCase()
    const raw = field.slice(equals + 1).trim()
    // RFC 2231: `name*=charset'language'percent-encoded`, and `name*0=`, `name*1=` in pieces.
    const [, base = '', isEncoded] = /^(.*?)(?:\*\d+)?(\*)?$/s.exec(name) ?? []
    const text = isEncoded === undefined ? unquoted(raw) : unescaped(unquoted(raw))
    if (base === name && parameters.has(base)) continue
    parameters.set(base, /\*\d+\*?$/.test(name) ? `${parameters.get(base) ?? ''}${text}` : text)
  }
  return { value: value.trim().toLowerCase(), parameters }
}

function unquoted(text: string): string {
  const inner = /^"(.*)"$/s.exec(text)?.[1]
  return inner === undefined ? text : inner.replaceAll(/\\([\\"])/g, '$1')
}

function unescaped(text: string): string {
  try {
    return decodeURIComponent(text.replace(/^[^']*'[^']*'/, ''))
  } catch {
    return text
  }
}

function decode(text: string, encoding: string): Uint8Array {
  const raw = rawUnicodeEscape(text)
  switch (encoding.toLowerCase()) {
    case 'base64':
      return Buffer.from(raw.toString('latin1'), 'base64')
    case 'quoted-printable': {
      const joined = raw.toString('latin1').replaceAll(/=[ \t]*(?:\r\n|\r|\n)/g, '')
      const plain = joined.replaceAll(/=([0-9A-Fa-f]{2})/g, (_, hex: string) =>
        String.fromCharCode(Number.parseInt(hex, 16)),
      )
      return Buffer.from(plain, 'latin1')
    }
    default:
      return raw
  }
}

/** What Python makes bytes of a text by: Latin-1, and `\u2192` for what that does not have. */
function rawUnicodeEscape(text: string): Buffer {
  const escaped = text.replaceAll(/[^\0-\u00FF]/gu, (letter) => {
    const code = letter.codePointAt(0) ?? 0
    const hex = code.toString(16)
    return code > 0xffff
      ? String.raw`\U${hex.padStart(8, '0')}`
      : String.raw`\u${hex.padStart(4, '0')}`
  })
  return Buffer.from(escaped, 'latin1')
}

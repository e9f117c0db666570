import { BenchawayError } from '../errors.ts'
import type { CommandResult } from './command.ts'
import type { ExecOptions } from './exec.ts'

/** What may stand in a command: one word, or a list of words. */
export type ShellValue = string | number | readonly (string | number)[]

/**
 * A tag for shell lines: `` $`grep ${word} ${files}` ``. Every value becomes one word, whatever is in it, and a list
 * becomes several. The text around them is shell as it stands there, backslashes included, so variables are written
 * `$HOME`. `$({ cwd: '/srv' })` is the same tag with options of `exec()`.
 *
 * @throws {BenchawayError} `OPTION_INVALID` for a value in a place where quotes would not protect it: within quotes,
 *   in a comment, or after the beginning of a here-document or of a `case` in parentheses
 */
export interface Shell {
  (text: TemplateStringsArray, ...values: readonly ShellValue[]): Promise<CommandResult>
  (options: ExecOptions): Shell
}

type Exec = (line: string, options: ExecOptions) => Promise<CommandResult>

/** @param exec runs a line: the tag's own way to a machine */
export function shell(exec: Exec, options: ExecOptions = {}): Shell {
  function tag(text: TemplateStringsArray, ...values: readonly ShellValue[]): Promise<CommandResult>
  function tag(more: ExecOptions): Shell
  function tag(
    first: TemplateStringsArray | ExecOptions,
    ...values: readonly ShellValue[]
  ): Promise<CommandResult> | Shell {
    if (!isTemplate(first)) return shell(exec, { ...options, ...first })
    return run(first.raw, values)
  }
  async function run(
    text: readonly string[],
    values: readonly ShellValue[],
  ): Promise<CommandResult> {
    return exec(shellLine(text, values), options)
  }
  return tag
}

/** The line that a template stands for. */
export function shellLine(text: readonly string[], values: readonly ShellValue[]): string {
  const place = new Place()
  let line = ''
  for (const [index, part] of text.entries()) {
    line += part
    if (index === values.length) break
    place.read(part)
    if (place.where !== 'plain') throw unsafe(index, place.where)
    line += words(values[index], index)
    place.word()
  }
  return line
}

type Where =
  | 'plain'
  | 'quotes'
  | 'double quotes'
  | 'a comment'
  | 'a here-document'
  | 'a case'
  | 'arithmetic'

/** Where in a shell line one is, as far as quoting goes. What it cannot tell apart it takes for unsafe. */
class Place {
  where: Where = 'plain'
  /** What each open parenthesis is in. */
  readonly #outer: Where[] = []
  #isAnsi = false
  #before = ' '

  read(text: string): void {
    for (let at = 0; at < text.length; at++) {
      const char = text[at] ?? ''
      if (char === '\\' && this.#hasEscapes()) {
        at++
        // A template's text never ends with half an escape: that would make a text of the value after it.
        // A line that goes on is one line.
        if (text[at] !== '\n') this.#before = char
        continue
      }
      this.#step(char, text.slice(at, at + 5))
      // The second of `$$` begins nothing.
      this.#before = char === '$' && this.#before === '$' ? 'a' : char
    }
  }

  /** A value has come. */
  word(): void {
    this.#before = 'a'
  }

  #hasEscapes(): boolean {
    return (
      this.where === 'plain' ||
      this.where === 'double quotes' ||
      (this.where === 'quotes' && this.#isAnsi)
    )
  }

  #step(char: string, next: string): void {
    if (this.where === 'plain') this.#plain(char, next)
    else if (this.where === 'double quotes') this.#doubled(char, next)
    else if (this.where === 'quotes' && char === `'`) this.where = 'plain'
    else if (this.where === 'a comment' && char === '\n') this.where = 'plain'
  }

  #plain(char: string, next: string): void {
    const isWord = /[\s;&|()<>]/.test(this.#before)
    if (char === `'`) {
      this.#isAnsi = this.#before === '$'
      this.where = 'quotes'
    } else if (char === '"') this.where = 'double quotes'
    // bash reads the value of a variable there as an expression, which may hold a command.
    else if (/^(?:\(\(|\$\[)/.test(next)) this.where = 'arithmetic'
    else if (char === '(') this.#outer.push('plain')
    else if (char === ')') this.where = this.#outer.pop() ?? 'plain'
    else if (char === '#' && isWord) this.where = 'a comment'
    // What is in it is expanded, quoted or not; where it ends is not worth finding out.
    else if (/^<<(?!<)/.test(next) && this.#before !== '<') this.where = 'a here-document'
    // Its parentheses close what they have not opened.
    else if (isWord && /^case\s/.test(next) && this.#outer.length > 0) this.where = 'a case'
  }

  #doubled(char: string, next: string): void {
    if (char === '"') this.where = 'plain'
    else if (/^\$(?:\(\(|\[)/.test(next)) this.where = 'arithmetic'
    else if (char === '(' && this.#before === '$') {
      this.#outer.push('double quotes')
      this.where = 'plain'
    }
  }
}

function words(value: unknown, index: number): string {
  if (Array.isArray(value)) return value.map((one) => word(one, index)).join(' ')
  return word(value, index)
}

// Always quoted, or a 2 before `>` would name a file descriptor and a comma split a brace.
function word(value: unknown, index: number): string {
  if (typeof value === 'string' || (typeof value === 'number' && Number.isFinite(value))) {
    return `'${String(value).replaceAll(`'`, String.raw`'\''`)}'`
  }
  throw new BenchawayError('OPTION_INVALID', `value ${index + 1} of a shell line is no text`, {
    hint: 'Give strings, finite numbers, or lists of them.',
  })
}

function unsafe(index: number, where: Where): BenchawayError {
  return new BenchawayError('OPTION_INVALID', `value ${index + 1} of a shell line is in ${where}`, {
    hint: 'Leave the quotes out: a value is quoted already. What is none of the shell goes as stdin or env.',
  })
}

function isTemplate(first: TemplateStringsArray | ExecOptions): first is TemplateStringsArray {
  return Array.isArray(first)
}

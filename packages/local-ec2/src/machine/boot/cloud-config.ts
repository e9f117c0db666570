/** One cloud-config of all that user-data holds. */
import { type Tags, parseDocument } from 'yaml'

import { mergeConfig } from './merge.ts'
import type { Part } from './user-data.ts'
import { type Config, isConfig } from './values.ts'

/** @returns what the parts say together, and what of them is not applied, and why */
export function mergedConfig(parts: readonly Part[]): { config: Config; notes: string[] } {
  let config: Config = {}
  const notes: string[] = []
  for (const part of parts) {
    try {
      const value = readYaml(new TextDecoder('utf-8', { fatal: true }).decode(part.bytes))
      // Nothing but comments.
      if (value === null) continue
      if (!isConfig(value)) throw new Error('it is not a mapping')
      // What the text says counts more than what its header says.
      const { mergeType: merge_how } = part
      config = mergeConfig(config, merge_how === undefined ? value : { merge_how, ...value })
    } catch (error) {
      const reason = error instanceof Error ? error.message.split('\n')[0] : ''
      notes.push(`cloud-config '${part.name}' is not applied: ${reason}`)
    }
  }
  return { config, notes }
}

/** @throws when it is no YAML, or more than one document */
export function readYaml(text: string): unknown {
  // As PyYAML: `yes` is true, 0644 is octal, and of two equal keys the second counts.
  const document = parseDocument(text, {
    version: '1.1',
    uniqueKeys: false,
    customTags: asPyYaml,
  })
  const trouble = document.errors[0] ?? document.warnings[0]
  if (trouble !== undefined) throw trouble
  return document.toJS()
}

/** `y` is a letter there, 08 and `1e3` are words, and of a date the text is what can end in a command. */
function asPyYaml(tags: Tags): Tags {
  const kept = tags.filter(
    (tag) =>
      typeof tag === 'string' ||
      !(
        /:(?:bool|timestamp)$/.test(tag.tag) ||
        (tag.tag.endsWith(':int') && !('format' in tag)) ||
        ('format' in tag && tag.format === 'EXP')
      ),
  )
  return [boolean, integer, exponential, ...kept]
}

const boolean = {
  default: true,
  tag: 'tag:yaml.org,2002:bool',
  test: /^(?:yes|no|true|false|on|off|Yes|No|True|False|On|Off|YES|NO|TRUE|FALSE|ON|OFF)$/,
  resolve: (text: string) => /^(?:yes|true|on)$/i.test(text),
} as const

const integer = {
  default: true,
  tag: 'tag:yaml.org,2002:int',
  test: /^[-+]?(?:0|[1-9][0-9_]*)$/,
  resolve: (text: string) => Number(text.replaceAll('_', '')),
} as const

const exponential = {
  default: true,
  tag: 'tag:yaml.org,2002:float',
  format: 'EXP',
  test: /^[-+]?(?:[0-9][0-9_]*\.[0-9_]*|\.[0-9][0-9_]*)[eE][-+][0-9]+$/,
  resolve: (text: string) => Number(text.replaceAll('_', '')),
} as const

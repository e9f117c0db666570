/** From a typed output to the XML that the SDK's own client reads. */
import type { NormalizedSchema } from '@smithy/core/schema'

import { escapeXml } from './xml.ts'

/** The members of an output, or `undefined` where the operation has no output at all. */
export function encodeOutput(schema: NormalizedSchema, output: unknown): string | undefined {
  return schema.isStructSchema() ? encodeContent(schema, output ?? {}) : undefined
}

function encodeElement(schema: NormalizedSchema, tag: string, value: unknown): string {
  if (value === undefined || value === null) return ''
  if (!schema.isListSchema()) return `<${tag}>${encodeContent(schema, value)}</${tag}>`

  const item = schema.getValueSchema()
  const flattened = schema.getMergedTraits().xmlFlattened
  const itemTag = flattened ? tag : (item.getMergedTraits().xmlName ?? 'member')
  const items = Array.isArray(value) ? value : []
  const inner = items.map((entry) => encodeElement(item, itemTag, entry)).join('')
  return flattened ? inner : `<${tag}>${inner}</${tag}>`
}

function encodeContent(schema: NormalizedSchema, value: unknown): string {
  if (schema.isStructSchema()) {
    if (!isRecord(value)) return ''
    let content = ''
    for (const [name, member] of schema.structIterator()) {
      content += encodeElement(member, member.getMergedTraits().xmlName ?? name, value[name])
    }
    return content
  }
  if (value instanceof Date) return value.toISOString()
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64')
  return escapeXml(String(value))
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}

/** From a typed output to the XML that the SDK's own client reads. */
import type { Shape, Structure } from './model.ts'
import { escapeXml } from './xml.ts'

/** The members of an output, or `undefined` where the operation has no output at all. */
export function encodeOutput(shape: Structure | undefined, output: unknown): string | undefined {
  return shape && encodeContent(shape, output ?? {})
}

function encodeElement(shape: Shape, tag: string, value: unknown): string {
  if (value === undefined || value === null) return ''
  return `<${tag}>${encodeContent(shape, value)}</${tag}>`
}

function encodeContent(shape: Shape, value: unknown): string {
  let content = ''
  if (shape.kind === 'list') {
    if (!Array.isArray(value)) throw mismatch(value, 'a list')
    for (const item of value) content += encodeElement(shape.item, shape.itemName, item)
    return content
  }
  if (shape.kind === 'structure') {
    if (!isRecord(value)) throw mismatch(value, `a ${shape.name}`)
    for (const { name, xmlName = name, shape: member } of shape.members) {
      content += encodeElement(member, xmlName, value[name])
    }
    return content
  }
  // As EC2 writes it, with milliseconds: `2024-01-01T00:00:00.000Z`.
  if (value instanceof Date) return value.toISOString()
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64')
  return typeof value === 'string' ? escapeXml(value) : String(value)
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}

function mismatch(value: unknown, wanted: string): TypeError {
  return new TypeError(`an answer has ${typeof value} where ${wanted} belongs`)
}

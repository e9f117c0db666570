/** The two dialects of AWS Query: `ec2`, which EC2 alone speaks, and `query`, which STS speaks. */
import type { NormalizedSchema } from '@smithy/core/schema'

import { escapeXml } from './xml.ts'

type Traits = ReturnType<NormalizedSchema['getMergedTraits']>

export interface Dialect {
  /** What a member is called in a request. */
  parameterName(member: string, traits: Traits): string
  /** Under which extra key the items of a list lie in a request; `undefined` if directly below. */
  listKey(list: NormalizedSchema): string | undefined
  response(envelope: Envelope, body: string | undefined): string
  error(envelope: Omit<Envelope, 'operation'>, code: string, message: string): string
}

interface Envelope {
  operation: string
  namespace: string
  requestId: string
}

const declaration = '<?xml version="1.0" encoding="UTF-8"?>\n'

export const ec2Dialect: Dialect = {
  parameterName(member, traits) {
    const { ec2QueryName, xmlName: name = member } = traits
    if (typeof ec2QueryName === 'string') return ec2QueryName
    return name.charAt(0).toUpperCase() + name.slice(1)
  },
  listKey: () => undefined,
  // An operation without output answers `<return>true</return>`.
  response: ({ operation, namespace, requestId }, body = '<return>true</return>') =>
    `${declaration}<${operation}Response xmlns="${namespace}"><requestId>${requestId}</requestId>${body}</${operation}Response>`,
  error: ({ requestId }, code, message) =>
    `${declaration}<Response><Errors><Error><Code>${escapeXml(code)}</Code><Message>${escapeXml(message)}</Message></Error></Errors><RequestID>${requestId}</RequestID></Response>`,
}

export const queryDialect: Dialect = {
  parameterName: (member, { xmlName }) => xmlName ?? member,
  listKey(list) {
    if (list.getMergedTraits().xmlFlattened) return undefined
    return list.getValueSchema().getMergedTraits().xmlName ?? 'member'
  },
  response: ({ operation, namespace, requestId }, body = '') =>
    `${declaration}<${operation}Response xmlns="${namespace}"><${operation}Result>${body}</${operation}Result><ResponseMetadata><RequestId>${requestId}</RequestId></ResponseMetadata></${operation}Response>`,
  error: ({ namespace, requestId }, code, message) =>
    `${declaration}<ErrorResponse xmlns="${namespace}"><Error><Type>Sender</Type><Code>${escapeXml(code)}</Code><Message>${escapeXml(message)}</Message></Error><RequestId>${requestId}</RequestId></ErrorResponse>`,
}

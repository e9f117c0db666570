/** The two dialects of AWS Query: `ec2`, which EC2 alone speaks, and `query`, which STS speaks. */
import { ApiError } from './api-error.ts'
import type { List, Member } from './model.ts'
import { escapeXml } from './xml.ts'

export interface Dialect {
  /** What a member is called in a request. */
  parameterName(member: Member): string
  /** Under which extra key the items of a list lie in a request; `undefined` if directly below. */
  listKey(list: List): string | undefined
  response(envelope: Envelope, body: string | undefined): string
  error(envelope: Omit<Envelope, 'operation'>, error: ApiError): string
  /** In each service's own words: there is no such operation, or not in that version. */
  unknownAction(action: string, version: string | undefined): ApiError
  unknownVersion(action: string, version: string | undefined): ApiError
  /** @param path such as `Filter.1.Name` */
  missingParameter(path: string): ApiError
}

interface Envelope {
  operation: string
  namespace: string
  requestId: string
}

const declaration = '<?xml version="1.0" encoding="UTF-8"?>\n'

export const ec2Dialect: Dialect = {
  parameterName({ name, xmlName = name, queryName }) {
    return queryName ?? xmlName.charAt(0).toUpperCase() + xmlName.slice(1)
  },
  listKey: () => undefined,
  // An operation without output answers `<return>true</return>`.
  response: ({ operation, namespace, requestId }, body = '<return>true</return>') =>
    `${declaration}<${operation}Response xmlns="${namespace}"><requestId>${requestId}</requestId>${body}</${operation}Response>`,
  error: ({ requestId }, { code, message }) =>
    `${declaration}<Response><Errors><Error><Code>${escapeXml(code)}</Code><Message>${escapeXml(message)}</Message></Error></Errors><RequestID>${requestId}</RequestID></Response>`,
  unknownAction: (action) =>
    new ApiError('InvalidAction', `The action ${action} is not valid for this web service.`),
  unknownVersion: (_, version = '') =>
    new ApiError(
      'NoSuchVersion',
      `The requested version (${version}) of service ec2 does not exist`,
    ),
  missingParameter: (path) =>
    new ApiError('MissingParameter', `The request must contain the parameter ${path}`),
}

export const queryDialect: Dialect = {
  parameterName: ({ name, xmlName }) => xmlName ?? name,
  listKey: ({ itemName }) => itemName,
  response: ({ operation, namespace, requestId }, body = '') =>
    `${declaration}<${operation}Response xmlns="${namespace}"><${operation}Result>${body}</${operation}Result><ResponseMetadata><RequestId>${requestId}</RequestId></ResponseMetadata></${operation}Response>`,
  error: ({ namespace, requestId }, { code, message, status }) =>
    `${declaration}<ErrorResponse xmlns="${namespace}"><Error><Type>${status < 500 ? 'Sender' : 'Receiver'}</Type><Code>${escapeXml(code)}</Code><Message>${escapeXml(message)}</Message></Error><RequestId>${requestId}</RequestId></ErrorResponse>`,
  unknownAction,
  unknownVersion: unknownAction,
  missingParameter(path) {
    const member = path.charAt(0).toLowerCase() + path.slice(1)
    return new ApiError(
      'ValidationError',
      `1 validation error detected: Value null at '${member}' failed to satisfy constraint: Member must not be null`,
    )
  },
}

function unknownAction(action: string, version = 'NO_VERSION_SPECIFIED'): ApiError {
  return new ApiError('InvalidAction', `Could not find operation ${action} for version ${version}`)
}

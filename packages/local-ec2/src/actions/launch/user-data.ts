import { ApiError } from '../../query/api-error.ts'

const maxBytes = 16 * 1024

/**
 * What the machine will be given: the base64 around it removed, nothing else touched.
 *
 * @throws {ApiError} `InvalidUserData.Malformed`; `InvalidParameterValue` above 16 KiB
 */
export function readUserData(base64: string | undefined): Uint8Array | undefined {
  if (base64 === undefined) return undefined
  const text = base64.replace(/\s+/g, '')
  if (text.length % 4 === 1 || !/^[A-Za-z0-9+/]*={0,2}$/.test(text)) {
    throw new ApiError('InvalidUserData.Malformed', 'Invalid BASE64 encoding of user data.')
  }
  return checkUserData(Buffer.from(text, 'base64'))
}

/**
 * @returns `undefined` for none at all, which is the same as nothing in it
 * @throws {ApiError} `InvalidParameterValue` above 16 KiB, counted without base64
 */
export function checkUserData(bytes: Uint8Array | undefined): Uint8Array | undefined {
  if (bytes === undefined || bytes.length === 0) return undefined
  if (bytes.length > maxBytes) {
    throw new ApiError('InvalidParameterValue', `User data is limited to ${maxBytes} bytes`)
  }
  return bytes
}

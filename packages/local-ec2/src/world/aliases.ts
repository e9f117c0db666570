/**
 * The parameters of AWS Systems Manager that stand for an image: the public ones of our images. This account
 * has none of its own, and none is shared with it.
 */
import { ApiError } from '../query/api-error.ts'
import { type Image, images } from './images.ts'
import { region } from './network.ts'

/** No account's: everybody has the same public parameters. */
const arnPrefix = `arn:aws:ssm:${region}::parameter`

/** @param parameter a name or an ARN, with `:VERSION` or without, which the ARN does not have */
export function parameterArn(parameter: string): string {
  const [, path = ''] = /^(\/[^:]*)/.exec(nameOf(parameter)) ?? []
  return `${arnPrefix}${path}`
}

/**
 * The id of the image that a parameter holds, or held in one of its versions.
 *
 * @param parameter what follows `resolve:ssm:`, a name or an ARN, with `:VERSION` or without. Version 1 is the
 *   oldest build that the catalogue has. Public parameters have no labels.
 * @throws {ApiError} `SsmInvalidParameter`
 */
export function resolveAlias(parameter: string): string {
  const [, path = '', version] = /^(\/[^:]+)(?::([1-9]\d*))?$/.exec(nameOf(parameter)) ?? []
  const history = [...images.values()].filter(({ parameters }) => parameters.includes(path))
  const image: Image | undefined =
    version === undefined ? history.at(-1) : history[Number(version) - 1]
  if (image !== undefined) return image.id
  throw new ApiError('SsmInvalidParameter', `The following aliases are invalid: [${parameter}]`)
}

function nameOf(parameter: string): string {
  return parameter.startsWith(`${arnPrefix}/`) ? parameter.slice(arnPrefix.length) : parameter
}

/** Policies as files: what `--policy` takes. */
import { parseDocument } from 'yaml'

import { parsePolicies, type PolicyDocument } from './document.ts'
import { invalid } from './invalid.ts'

/**
 * Reads and checks the text of a file: an IAM policy document, or a list of them.
 *
 * @throws {LocalEc2Error} `POLICY_INVALID`, naming the line or the place in the document
 */
export function readPolicy(text: string): PolicyDocument | PolicyDocument[] {
  let documents: PolicyDocument | PolicyDocument[]
  try {
    documents = JSON.parse(text)
  } catch (error) {
    throw invalid('', `not JSON: ${error instanceof Error ? error.message : String(error)}`)
  }
  // JSON.parse() keeps the last of two equal keys: half of such a policy would be applied.
  const [repeated] = parseDocument(text).errors
  if (repeated !== undefined) throw invalid('', repeated.message.split('\n')[0] ?? '')
  parsePolicies(documents)
  return documents
}

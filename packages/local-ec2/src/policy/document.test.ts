import { expect, test } from 'vitest'

import { parsePolicies, parsePolicy } from './document.ts'
import { readPolicy } from './read.ts'

const statement = { Effect: 'Allow', Action: 'ec2:*', Resource: '*' }
const allow = (fields: object): object => ({
  Version: '2012-10-17',
  Statement: { ...statement, ...fields },
})

function problem(document: unknown): unknown {
  try {
    parsePolicy(document)
  } catch (error) {
    return error instanceof Error && Object.assign({ message: error.message }, error)
  }
  return undefined
}

test.each([
  [undefined, 'must be an object'],
  [[], 'must be an object'],
  [{}, 'Statement: must have at least one statement'],
  [{ Statement: [] }, 'Statement: must have at least one statement'],
  [
    { Version: '2020-01-01', Statement: statement },
    'Version: must be "2012-10-17" or "2008-10-17"',
  ],
  [{ Statement: statement, Statements: [] }, 'Statements: there is no such element'],
  [{ Statement: ['Allow'] }, 'Statement[0]: must be an object'],
  [{ Id: 1, Statement: statement }, 'Id: must be a string'],
  [allow({ Effect: 'allow' }), 'Statement.Effect: must be "Allow" or "Deny"'],
  [allow({ Effect: undefined }), 'Statement.Effect: must be "Allow" or "Deny"'],
  [allow({ Actions: 'ec2:*' }), 'Statement.Actions: there is no such element'],
  [allow({ Principal: '*' }), 'Statement.Principal: the policy of an identity has no principal'],
  [allow({ Action: undefined }), 'Statement: must have either Action or NotAction'],
  [allow({ NotAction: 'ec2:*' }), 'Statement: must have either Action or NotAction'],
  [allow({ Resource: undefined }), 'Statement: must have either Resource or NotResource'],
  [allow({ Action: [] }), 'Statement.Action: must have at least one value'],
  [
    allow({ Action: ['ec2:*', 'RunInstances'] }),
    "Statement.Action[1]: 'RunInstances' is not an action: it must look like ec2:RunInstances",
  ],
  [allow({ Action: 7 }), 'Statement.Action: must be a string'],
  [allow({ Resource: 'instance/*' }), `Statement.Resource: 'instance/*' is neither an ARN nor "*"`],
  [
    allow({ Resource: 'arn:aws:ec2:us-east-1' }),
    `Statement.Resource: 'arn:aws:ec2:us-east-1' is neither an ARN nor "*"`,
  ],
  [allow({ Sid: 'Not this one' }), 'Statement.Sid: may have letters and digits only'],
  [
    {
      Statement: [
        { ...statement, Sid: 'A' },
        { ...statement, Sid: 'A' },
      ],
    },
    "Statement: two statements have the Sid 'A'",
  ],
  [allow({ Condition: [] }), 'Statement.Condition: must be an object'],
  [allow({ Condition: { Bool: 'true' } }), 'Statement.Condition.Bool: must be an object'],
  [
    allow({ Condition: { Bool: { 'aws:SecureTransport': [] } } }),
    'Statement.Condition.Bool.aws:SecureTransport: must have at least one value',
  ],
  [
    allow({ Condition: { StringEquals: { 'aws:username': [{}] } } }),
    'Statement.Condition.StringEquals.aws:username[0]: must be a string',
  ],
  [
    allow({ Condition: { StringEquals: { 'ec2:InstanceTypo': 'm7i.large' } } }),
    "Statement.Condition.StringEquals.ec2:InstanceTypo: the condition key 'ec2:InstanceTypo' is not modelled by this endpoint",
  ],
  [
    allow({ Condition: { Null: { 'aws:RequestTag/': 'true' } } }),
    "Statement.Condition.Null.aws:RequestTag/: the condition key 'aws:RequestTag/' is not modelled by this endpoint",
  ],
  [
    allow({ Condition: { StringEquals: { 'aws:TagKeys': 'a' } } }),
    "Statement.Condition.StringEquals.aws:TagKeys: 'aws:TagKeys' has several values and needs ForAllValues: or ForAnyValue:",
  ],
  [
    allow({ Resource: 'arn:aws:ec2:*:*:instance/${aws:TagKeys}' }),
    "Statement.Resource: 'aws:TagKeys' has several values and cannot be a variable",
  ],
  [
    allow({ Resource: ['*', 'arn:aws:ec2:*:*:instance/${aws:FavouriteColour}'] }),
    "Statement.Resource[1]: the condition key 'aws:FavouriteColour' is not modelled by this endpoint",
  ],
])('%j is refused', (document, message) => {
  expect(problem(document)).toMatchObject({ code: 'POLICY_INVALID', message })
})

test.each([
  [
    'booleans and numbers are as good as strings',
    allow({
      Condition: {
        Bool: { 'aws:SecureTransport': true },
        NumericLessThan: { 'ec2:VolumeSize': 10 },
      },
    }),
  ],
  [
    'what is said of other services may use their keys',
    {
      Statement: {
        ...statement,
        Action: 's3:Get*',
        Condition: { StringLike: { 's3:prefix': 'a*' } },
      },
    },
  ],
  [
    'older documents have no variables',
    {
      Statement: { ...statement, Resource: 'arn:aws:ec2:*:*:instance/${no:such:key}' },
    },
  ],
])('%s', (_, document) => {
  expect(problem(document)).toBeUndefined()
})

test('of a list of documents, the bad one is named', () => {
  expect(() => parsePolicies([allow({}), allow({ Effect: 'Maybe' })])).toThrow(
    expect.objectContaining({ message: '[1].Statement.Effect: must be "Allow" or "Deny"' }),
  )
})

test.each([
  ['{', "not JSON: Expected property name or '}' in JSON at position 1 (line 1 column 2)"],
  ['{\n  "Statement": {},\n  "Statement": {}\n}', 'Map keys must be unique at line 3, column 3:'],
  [
    '{"Statement":{"Effect":"Allow","Action":"ec2:*","Resource":"*","Condition":{"Bool":{"aws:SecureTransport":"true"},"Bool":{"aws:ViaAWSService":"false"}}}}',
    'Map keys must be unique at line 1, column 115:',
  ],
  ['{"Statement": 1}', 'Statement: must be an object'],
])('a file with %s is refused', (text, message) => {
  expect(() => readPolicy(text)).toThrow(
    expect.objectContaining({ code: 'POLICY_INVALID', message }),
  )
})

test('a file may hold a list of documents', () => {
  const documents = [allow({}), allow({ Effect: 'Deny' })]
  expect(readPolicy(JSON.stringify(documents, undefined, 2))).toEqual(documents)
})

/** The regions of AWS's commercial partition. This endpoint is one of them. */

export interface Region {
  readonly name: string
  readonly endpoint: string
  readonly optIn: 'opt-in-not-required' | 'not-opted-in'
}

/** Enabled in every account. */
const always = [
  'us-east-1',
  'us-east-2',
  'us-west-1',
  'us-west-2',
  'ap-northeast-1',
  'ap-northeast-2',
  'ap-northeast-3',
  'ap-south-1',
  'ap-southeast-1',
  'ap-southeast-2',
  'ca-central-1',
  'eu-central-1',
  'eu-north-1',
  'eu-west-1',
  'eu-west-2',
  'eu-west-3',
  'sa-east-1',
]

/** Those since 2019, which an account asks for; this one never has. */
const onRequest = [
  'af-south-1',
  'ap-east-1',
  'ap-east-2',
  'ap-south-2',
  'ap-southeast-3',
  'ap-southeast-4',
  'ap-southeast-5',
  'ap-southeast-6',
  'ap-southeast-7',
  'ca-west-1',
  'eu-central-2',
  'eu-south-1',
  'eu-south-2',
  'il-central-1',
  'me-central-1',
  'me-south-1',
  'mx-central-1',
]

export const regions: readonly Region[] = [
  ...always.map((name) => describe(name, 'opt-in-not-required')),
  ...onRequest.map((name) => describe(name, 'not-opted-in')),
]

function describe(name: string, optIn: Region['optIn']): Region {
  return { name, endpoint: `ec2.${name}.amazonaws.com`, optIn }
}

/**
 * Whether the endpoint's model is that of the SDK that is installed. After an update of the SDK
 * `script/test packages/local-ec2/tests/model.test.ts --update` writes it anew.
 */
import * as ec2 from '@aws-sdk/client-ec2'
import * as sts from '@aws-sdk/client-sts'
import { expect, test } from 'vitest'

import { modelOf } from './sdk-model.ts'

test.each([
  ['ec2', ec2],
  ['sts', sts],
])('the model of %s is what the SDK says of itself', async (name, sdk) => {
  await expect(modelOf(sdk)).toMatchFileSnapshot(`../src/query/model/${name}.jsonl`)
})

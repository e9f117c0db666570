/** CreateKeyPair, ImportKeyPair, DescribeKeyPairs, DeleteKeyPair. */
import type * as ec2 from '@aws-sdk/client-ec2'

import { ApiError } from '../query/api-error.ts'
import {
  checkFreeName,
  createKeyPair,
  findKeyPair,
  importKeyPair,
  type KeyPair,
} from '../world/key-pair.ts'
import { isVisible, type Tags } from '../world/resource.ts'
import { readPublicKey } from '../world/ssh/public-key.ts'
import type { World } from '../world/world.ts'
import type { Demand, Ec2Actions } from './action.ts'
import { choice } from './common/choice.ts'
import { created, existing } from './common/demands.ts'
import { select } from './common/describe.ts'
import type { Fields } from './common/filters.ts'
import { invalidValue, missingParameter } from './common/refusals.ts'
import { readTagSpecifications, tagList } from './common/tags.ts'

export const keyPairActions: Ec2Actions = {
  CreateKeyPair: {
    accepts: {
      KeyName: true,
      KeyType: true,
      KeyFormat: true,
      TagSpecifications: true,
      DryRun: true,
    },
    plan({ KeyName: name = '', KeyType, KeyFormat, TagSpecifications }, world) {
      checkName(name)
      const type = choice('KeyType', KeyType, ['rsa', 'ed25519']) ?? 'rsa'
      if (choice('KeyFormat', KeyFormat, ['pem', 'ppk']) === 'ppk') {
        throw new ApiError(
          'UnsupportedOperation',
          'A KeyFormat of ppk is not implemented by this local endpoint.',
        )
      }
      const tags = readTagSpecifications(TagSpecifications, ['key-pair'])('key-pair')
      return {
        demands: demandsOfNew('CreateKeyPair', { name, type, tags }),
        check: () => checkFreeName(world, name),
        commit() {
          const { pair, pem } = createKeyPair(world, { name, type, tags })
          return { ...showNew(pair), KeyMaterial: pem }
        },
      }
    },
  },

  ImportKeyPair: {
    accepts: { KeyName: true, PublicKeyMaterial: true, TagSpecifications: true, DryRun: true },
    plan({ KeyName: name = '', PublicKeyMaterial: material, TagSpecifications }, world) {
      checkName(name)
      const key = material && readPublicKey(material)
      if (key === undefined) {
        throw new ApiError('InvalidKey.Format', 'Key is not in valid OpenSSH public key format')
      }
      const tags = readTagSpecifications(TagSpecifications, ['key-pair'])('key-pair')
      return {
        demands: demandsOfNew('ImportKeyPair', { name, type: key.type, tags }),
        check: () => checkFreeName(world, name),
        commit: () => showNew(importKeyPair(world, { name, tags }, key)),
      }
    },
  },

  DescribeKeyPairs: {
    accepts: {
      KeyNames: true,
      KeyPairIds: true,
      IncludePublicKey: true,
      Filters: true,
      DryRun: true,
    },
    plan({ KeyNames = [], KeyPairIds = [], IncludePublicKey = false, Filters }, world) {
      const named = KeyNames.map((name) => requireName(world, name).id)
      const pairs = select(Filters, {
        kind: 'key-pair',
        resources: world.keyPairs,
        fields,
        ids: [...KeyPairIds, ...named],
      })
      return () => ({ KeyPairs: [...pairs(0)].map((pair) => show(pair, IncludePublicKey)) })
    },
  },

  DeleteKeyPair: {
    accepts: { KeyName: true, KeyPairId: true, DryRun: true },
    plan({ KeyName: name, KeyPairId: id }, world) {
      if (name === undefined && id === undefined) {
        throw missingParameter('KeyName')
      }
      const pair = id === undefined ? findKeyPair(world, name ?? '') : findKeyPairById(world, id)
      if (pair !== undefined && name !== undefined && pair.name !== name) {
        throw new ApiError(
          'InvalidParameterCombination',
          `The key pair '${pair.id}' is not the one that is named '${name}'`,
        )
      }
      // One that is not there is deleted as well as any other.
      return {
        demands: [demandOn(pair ?? { name: name ?? '*', tags: new Map() })],
        commit() {
          if (pair !== undefined) world.keyPairs.delete(pair.id)
          return { Return: true, KeyPairId: pair?.id }
        },
      }
    },
  },
}

function checkName(name: string): void {
  if (name === '') {
    throw missingParameter('KeyName')
  }
  if (name.length > 255) {
    throw invalidValue(
      `Value (${name}) for parameter KeyName is invalid. Length exceeds maximum of 255.`,
    )
  }
  if (!/^[\x20-\x7e]*$/.test(name)) {
    throw invalidValue(
      `Value (${name}) for parameter KeyName is invalid. Character sets beyond ASCII are not supported.`,
    )
  }
}

/** As whoever deletes it sees it. */
function findKeyPairById({ keyPairs }: World, id: string): KeyPair | undefined {
  const pair = keyPairs.get(id)
  return pair !== undefined && isVisible(pair) ? pair : undefined
}

function requireName(world: World, name: string): KeyPair {
  const pair = findKeyPair(world, name)
  if (pair !== undefined) return pair
  throw new ApiError('InvalidKeyPair.NotFound', `The key pair '${name}' does not exist`)
}

/** Its ARN ends in its name, before it is made as well as after. */
function demandsOfNew(
  creator: string,
  { name, type, tags }: { name: string; type: KeyPair['type']; tags: Tags },
): Demand[] {
  const context = { 'ec2:KeyPairName': name, 'ec2:KeyPairType': type }
  const demands = created('key-pair', creator, tags, context)
  return demands.map((demand) => ({ ...demand, resource: `key-pair/${name}` }))
}

function demandOn({ name, tags, type }: Pick<KeyPair, 'name' | 'tags'> & Partial<KeyPair>): Demand {
  return existing(
    'key-pair',
    { id: name, tags },
    { 'ec2:KeyPairName': name, ...(type !== undefined && { 'ec2:KeyPairType': type }) },
  )
}

const fields: Fields<KeyPair> = {
  fingerprint: ({ fingerprint }) => fingerprint,
  'key-name': ({ name }) => name,
  'key-pair-id': ({ id }) => id,
}

function showNew({ id, name, fingerprint, tags }: KeyPair): ec2.ImportKeyPairResult {
  return { KeyPairId: id, KeyName: name, KeyFingerprint: fingerprint, Tags: tagList(tags) }
}

function show(pair: KeyPair, withPublicKey: boolean): ec2.KeyPairInfo {
  return {
    ...showNew(pair),
    KeyType: pair.type,
    CreateTime: pair.created,
    PublicKey: withPublicKey ? pair.publicKey : undefined,
  }
}

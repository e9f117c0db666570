import { request } from 'node:http'
import { text } from 'node:stream/consumers'

import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'

import type { Knowledge } from '../fabric/protocol.ts'
import { MetadataService } from './service.ts'

let service: MetadataService
let port: number

beforeEach(async () => {
  service = new MetadataService()
  port = await service.listen('127.0.0.1', 0)
  service.learn(knowledge())
})

afterEach(() => {
  vi.useRealTimers()
  service.close()
})

type Facts = Knowledge['facts']

function knowledge(
  facts: Partial<Facts> = {},
  metadata: Partial<Facts['metadata']> = {},
  publicIp: string | undefined = '198.18.4.9',
): Knowledge {
  return {
    instanceId: 'i-0123456789abcdef0',
    hostname: 'ip-127-0-0-1',
    privateIp: '127.0.0.1',
    publicIp,
    facts: {
      userData: Uint8Array.of(0x1f, 0x8b, 0xff, 0),
      keyPairs: [
        { name: 'mine', publicKey: 'ssh-ed25519 AAAA mine\n' },
        { name: 'yours', publicKey: 'ssh-rsa BBBB yours' },
      ],
      metadata: {
        httpTokens: 'optional',
        httpEndpoint: 'enabled',
        hopLimit: 1,
        instanceTags: 'disabled',
        ...metadata,
      },
      accountId: '000000000000',
      region: 'us-east-1',
      zone: { name: 'us-east-1b', id: 'use1-az2' },
      imageId: 'ami-0123456789abcdef0',
      instanceType: 'm7i.large',
      architecture: 'x86_64',
      reservationId: 'r-0123456789abcdef0',
      launchIndex: 3,
      launchTime: new Date('2026-11-22T03:04:05.678Z'),
      macAddress: '0a:00:00:00:00:07',
      interfaceId: 'eni-0123456789abcdef0',
      securityGroups: [
        { id: 'sg-1', name: 'default' },
        { id: 'sg-2', name: 'bench' },
      ],
      vpc: { id: 'vpc-1', cidr: '198.18.0.0/22' },
      subnet: { id: 'subnet-1', cidr: '198.18.1.0/24' },
      tags: new Map([
        ['Name', 'box'],
        ['benchaway:run', '01J'],
      ]),
      ...facts,
    },
  }
}

interface Reply {
  status: number | undefined
  headers: Record<string, unknown>
  body: string
}

function send(
  path: string,
  headers: Record<string, string> = {},
  method = 'GET',
  from = '127.0.0.1',
): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const question = request({ host: '127.0.0.1', port, path, method, headers, localAddress: from })
    question.on('error', reject)
    question.on('response', (response) => {
      response.setEncoding('latin1')
      text(response).then(
        (body) => resolve({ status: response.statusCode, headers: response.headers, body }),
        reject,
      )
    })
    question.end()
  })
}

const lifetime = 'X-aws-ec2-metadata-token-ttl-seconds'
const header = 'X-aws-ec2-metadata-token'

const askToken = (seconds = '60', more: Record<string, string> = {}): Promise<Reply> =>
  send('/latest/api/token', { [lifetime]: seconds, ...more }, 'PUT')

const page = (title: string): string => `<?xml version="1.0" encoding="iso-8859-1"?>
<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Transitional//EN"
\t\t "http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd">
<html xmlns="http://www.w3.org/1999/xhtml" xml:lang="en" lang="en">
 <head>
  <title>${title}</title>
 </head>
 <body>
  <h1>${title}</h1>
 </body>
</html>
`

describe('a token', () => {
  test('is given for 1 to 21600 seconds and opens everything', async () => {
    service.learn(knowledge({}, { httpTokens: 'required' }))
    for (const seconds of ['1', '60', '21600']) {
      const { status, headers, body } = await askToken(seconds)
      expect([status, headers[lifetime.toLowerCase()]]).toEqual([200, seconds])
      expect(body).toMatch(/^[\w-]{54}==$/)
      const answer = await send('/latest/meta-data/instance-id', { [header]: body })
      expect(answer).toMatchObject({ status: 200, body: 'i-0123456789abcdef0' })
    }
  })

  test.each(['0', '21601', '-1', '1.5', '', 'x', '99999999999'])(
    'is not given for %j seconds',
    async (seconds) => {
      expect(await askToken(seconds)).toMatchObject({
        status: 400,
        headers: { 'content-type': 'text/html' },
        body: page('400 - Bad Request'),
      })
    },
  )

  test('is not given without a lifetime, nor to what was forwarded', async () => {
    expect((await send('/latest/api/token', {}, 'PUT')).status).toBe(400)
    expect(await askToken('60', { 'X-Forwarded-For': '10.0.0.1' })).toMatchObject({
      status: 403,
      body: page('403 - Forbidden'),
    })
  })

  test('tells how long it still lives, and then opens nothing', async () => {
    const start = new Date('2026-11-22T00:00:00Z')
    vi.useFakeTimers({ toFake: ['Date'], now: start })
    const { body: token } = await askToken('60')
    vi.setSystemTime(start.getTime() + 59_000)
    const alive = await send('/latest/', { [header]: token })
    expect([alive.status, alive.headers[lifetime.toLowerCase()]]).toEqual([200, '1'])
    vi.setSystemTime(start.getTime() + 60_000)
    expect((await send('/latest/', { [header]: token })).status).toBe(401)
  })

  test('survives a change of what is known, and opens nothing of another instance', async () => {
    const { body: token } = await askToken()
    service.learn(knowledge({ instanceType: 'c7i.large' }, { httpTokens: 'required' }))
    expect(await send('/latest/meta-data/instance-type', { [header]: token })).toMatchObject({
      status: 200,
      body: 'c7i.large',
    })
    service.learn({ ...knowledge(), instanceId: 'i-0fedcba9876543210' })
    expect((await send('/latest/', { [header]: token })).status).toBe(401)
  })

  test('that was changed, cut or made up opens nothing, also where none is needed', async () => {
    const { body: token } = await askToken()
    const changed = (index: number): string =>
      token.slice(0, index) + (token[index] === 'A' ? 'B' : 'A') + token.slice(index + 1)
    // Its end, its proof, and the last character, of which only two bits count.
    const changes = [6, 20, 53].map(changed)
    for (const wrong of [...changes, token.slice(4), token.slice(0, -2), 'x', 'A'.repeat(56)]) {
      expect(await send('/latest/', { [header]: wrong })).toMatchObject({
        status: 401,
        headers: { 'content-length': '0' },
        body: '',
      })
    }
  })

  test('is needed where the options say so', async () => {
    expect((await send('/latest/meta-data/')).status).toBe(200)
    service.learn(knowledge({}, { httpTokens: 'required' }))
    expect(await send('/latest/meta-data/')).toMatchObject({ status: 401, body: '' })
  })
})

test('a service that is switched off forbids everything', async () => {
  const { body: token } = await askToken()
  service.learn(knowledge({}, { httpEndpoint: 'disabled' }))
  expect((await askToken()).status).toBe(403)
  expect(await send('/latest/', { [header]: token })).toMatchObject({
    status: 403,
    body: page('403 - Forbidden'),
  })
})

test('methods that it has not are refused with those that it has', async () => {
  expect(await send('/latest/meta-data/', {}, 'POST')).toMatchObject({
    status: 405,
    headers: { allow: 'GET, HEAD' },
  })
  expect(await send('/latest/meta-data/', { [lifetime]: '60' }, 'PUT')).toMatchObject({
    status: 405,
  })
  expect(await send('/latest/api/token')).toMatchObject({
    status: 405,
    headers: { allow: 'OPTIONS, PUT' },
  })
  expect(await send('/latest/meta-data/instance-id', {}, 'HEAD')).toMatchObject({
    status: 200,
    headers: { 'content-length': '19' },
    body: '',
  })
})

describe('paths', () => {
  const get = async (path: string): Promise<string> => (await send(path)).body

  test('begin with a version, of which there is a list', async () => {
    const versions = (await get('/')).split('\n')
    expect(versions[0]).toBe('1.0')
    expect(versions.at(-1)).toBe('latest')
    // Those that cloud-init asks for.
    for (const version of ['2009-04-04', '2016-09-02', '2018-09-24', '2021-03-23']) {
      expect(versions).toContain(version)
      expect(await get(`/${version}/meta-data/ami-launch-index`)).toBe('3')
    }
  })

  test('of directories answer a list, with a last slash or without', async () => {
    expect(await get('/latest')).toBe('dynamic\nmeta-data\nuser-data')
    const list = await get('/latest/meta-data/')
    expect(await get('/latest/meta-data')).toBe(list)
    expect(list.split('\n')).toEqual([
      'ami-id',
      'ami-launch-index',
      'ami-manifest-path',
      'events/',
      'hibernation/',
      'hostname',
      'instance-action',
      'instance-id',
      'instance-life-cycle',
      'instance-type',
      'local-hostname',
      'local-ipv4',
      'mac',
      'network/',
      'placement/',
      'profile',
      'public-hostname',
      'public-ipv4',
      'public-keys/',
      'reservation-id',
      'security-groups',
      'services/',
    ])
  })

  test.each([
    ['ami-id', 'ami-0123456789abcdef0'],
    ['events/maintenance/scheduled', '[]'],
    ['hostname', 'ip-127-0-0-1.ec2.internal'],
    ['instance-action', 'none'],
    ['instance-life-cycle', 'on-demand'],
    ['local-ipv4', '127.0.0.1'],
    ['network/interfaces/macs/', '0a:00:00:00:00:07/'],
    ['network/interfaces/macs/0a:00:00:00:00:07/security-group-ids', 'sg-1\nsg-2'],
    ['network/interfaces/macs/0a:00:00:00:00:07/subnet-ipv4-cidr-block', '198.18.1.0/24'],
    ['network/interfaces/macs/0a:00:00:00:00:07/ipv4-associations/198.18.4.9', '127.0.0.1'],
    ['placement/availability-zone-id', 'use1-az2'],
    ['placement/region', 'us-east-1'],
    ['public-hostname', 'ec2-198-18-4-9.compute-1.amazonaws.com'],
    ['public-keys/', '0=mine\n1=yours'],
    ['public-keys/1/', 'openssh-key'],
    ['public-keys/0/openssh-key', 'ssh-ed25519 AAAA mine'],
    ['security-groups', 'default\nbench'],
    ['services/partition', 'aws'],
    ['instance-id/', 'i-0123456789abcdef0'],
  ])('meta-data/%s', async (path, value) => {
    expect(await get(`/latest/meta-data/${path}`)).toBe(value)
  })

  test.each([
    '/nonsense',
    '/2000-01-01/meta-data/',
    '/latest/meta-data/iam/',
    '/latest/meta-data/spot/instance-action',
    '/latest/meta-data/tags/instance/Name',
    '/latest/meta-data/instance-id/more',
    '/latest/meta-data/public-keys/0=mine/openssh-key',
    '/latest/meta-data/block-device-mapping/',
    '/latest/dynamic/instance-identity/signature',
    '/latest//meta-data/',
    '/latest/meta-data/../user-data',
    '/latest/%zz',
    '/latest/meta-data/constructor',
  ])('%s is not there', async (path) => {
    expect(await send(path)).toMatchObject({ status: 404, body: page('404 - Not Found') })
  })

  test('depend on the machine', async () => {
    const facts: Partial<Facts> = {
      keyPairs: [],
      userData: undefined,
      rootDevice: '/dev/xvda',
      lifeCycle: 'spot',
      interruption: { action: 'terminate', time: new Date('2026-11-22T05:06:07.890Z') },
    }
    service.learn({ ...knowledge(facts, { instanceTags: 'enabled' }), publicIp: undefined })
    expect(await get('/latest/meta-data/block-device-mapping/')).toBe('ami\nroot')
    expect(await get('/latest/meta-data/instance-life-cycle')).toBe('spot')
    expect(await get('/latest/meta-data/tags/instance')).toBe('Name\nbenchaway:run')
    expect(await get('/latest/meta-data/tags/instance/benchaway:run')).toBe('01J')
    expect(await get('/latest/meta-data/spot/termination-time')).toBe('2026-11-22T05:06:07Z')
    expect(JSON.parse(await get('/latest/meta-data/spot/instance-action'))).toEqual({
      action: 'terminate',
      time: '2026-11-22T05:06:07Z',
    })
    expect(await get('/latest/')).toBe('dynamic\nmeta-data')
    for (const path of ['public-ipv4', 'public-hostname', 'public-keys/']) {
      expect((await send(`/latest/meta-data/${path}`)).status).toBe(404)
    }
    expect((await send('/latest/user-data')).status).toBe(404)
  })

  test('a machine that EC2 will stop has no time at which it ends', async () => {
    const interruption = { action: 'stop', time: new Date(0) } as const
    service.learn(knowledge({ interruption }))
    expect(await get('/latest/meta-data/spot/')).toBe('instance-action')
  })
})

test('user-data comes as the bytes that it is', async () => {
  const { headers, body } = await send('/latest/user-data')
  expect(Buffer.from(body, 'latin1')).toEqual(Buffer.from([0x1f, 0x8b, 0xff, 0]))
  expect(headers).toMatchObject({ 'content-type': 'application/octet-stream', server: 'EC2ws' })
})

test('the identity document says who the instance is', async () => {
  const { body } = await send('/latest/dynamic/instance-identity/document')
  expect(JSON.parse(body)).toEqual({
    accountId: '000000000000',
    architecture: 'x86_64',
    availabilityZone: 'us-east-1b',
    billingProducts: null,
    devpayProductCodes: null,
    imageId: 'ami-0123456789abcdef0',
    instanceId: 'i-0123456789abcdef0',
    instanceType: 'm7i.large',
    kernelId: null,
    marketplaceProductCodes: null,
    pendingTime: '2026-11-22T03:04:05Z',
    privateIp: '127.0.0.1',
    ramdiskId: null,
    region: 'us-east-1',
    version: '2017-09-30',
  })
  expect(body).toMatch(/^\{\n {2}"accountId" : "000000000000",\n/)
})

test('an address that is nobody is not answered, nor is one that was forgotten', async () => {
  await expect(send('/latest/', {}, 'GET', '127.0.0.2')).rejects.toMatchObject({
    code: 'ECONNRESET',
  })
  service.forget('127.0.0.1')
  await expect(send('/latest/')).rejects.toMatchObject({ code: 'ECONNRESET' })
})

test('a machine that opens connections without end keeps nobody else from being answered', async () => {
  service.learn({ ...knowledge(), instanceId: 'i-0fedcba9876543210', privateIp: '127.0.0.3' })
  const silent = Array.from({ length: 100 }, () =>
    request({ host: '127.0.0.1', port, localAddress: '127.0.0.3' }).on('error', () => {}),
  )
  for (const each of silent) each.flushHeaders()
  expect((await send('/latest/meta-data/instance-id')).body).toBe('i-0123456789abcdef0')
  for (const each of silent) each.destroy()
})

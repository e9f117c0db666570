import type { LocalEc2 } from '../../src/server.ts'

type Account = Pick<LocalEc2, 'endpoint' | 'region'> & {
  credentials: LocalEc2['credentials'] & { sessionToken?: string | undefined }
}

/** All that a client may know: nothing of the caller's own AWS configuration, proxies or profiles. */
export function clientEnvironment({ endpoint, region, credentials }: Account): NodeJS.ProcessEnv {
  return {
    PATH: '/usr/bin:/bin',
    LC_ALL: 'C.UTF-8',
    HOME: '/nonexistent',
    AWS_CONFIG_FILE: '/dev/null',
    AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
    AWS_EC2_METADATA_DISABLED: 'true',
    AWS_PAGER: '',
    AWS_MAX_ATTEMPTS: '1',
    AWS_ENDPOINT_URL: endpoint,
    AWS_REGION: region,
    AWS_DEFAULT_REGION: region,
    AWS_ACCESS_KEY_ID: credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
    ...(credentials.sessionToken !== undefined && { AWS_SESSION_TOKEN: credentials.sessionToken }),
  }
}

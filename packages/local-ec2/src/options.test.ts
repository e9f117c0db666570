import { expect, test } from 'vitest'

import { startLocalEc2 } from './server.ts'

test.each([
  [
    { machine: 'docker' },
    'option machine must be one of auto, container, rootless, cloud-init, systemd, none, not "docker"',
    undefined,
  ],
  [
    { machine: 'none', port: 65_536 },
    'option port must be a whole number from 0 to 65535, not 65536',
    undefined,
  ],
  [{ machnie: 'none' }, 'there is no option machnie', 'Did you mean machine?'],
  [
    { region: 'eu-west-1' },
    'there is no option region',
    'There are: machine, port, faults, policy.',
  ],
])('%j starts nothing and says why', async (options, message, hint) => {
  await expect(startLocalEc2(options as object)).rejects.toMatchObject({
    code: 'OPTION_INVALID',
    message,
    hint,
  })
})

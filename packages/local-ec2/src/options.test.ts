import { expect, test, vi } from 'vitest'

import { machineOf } from './options.ts'
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

test('BENCHAWAY_MACHINE says what auto is, and any other choice wins over it', () => {
  expect(machineOf(undefined, 'systemd')).toBe('systemd')
  expect(machineOf('auto', 'cloud-init')).toBe('cloud-init')
  expect(machineOf('none', 'systemd')).toBe('none')
  expect(machineOf('none', 'no kind at all')).toBe('none')
  for (const unset of [undefined, '', 'auto']) expect(machineOf('auto', unset)).toBe('auto')
})

test('an endpoint is made of what BENCHAWAY_MACHINE says', async () => {
  vi.stubEnv('BENCHAWAY_MACHINE', 'none')
  await using local = await startLocalEc2()
  vi.unstubAllEnvs()
  expect(local.machine).toBe('none')
})

test('BENCHAWAY_MACHINE is checked as the option is', async () => {
  vi.stubEnv('BENCHAWAY_MACHINE', 'Systemd')
  const starting = startLocalEc2()
  vi.unstubAllEnvs()
  await expect(starting).rejects.toMatchObject({
    code: 'OPTION_INVALID',
    message:
      'the variable BENCHAWAY_MACHINE must be one of auto, container, rootless, cloud-init, systemd, none, not "Systemd"',
    hint: 'Correct it, or unset it.',
  })
})

// Opens a host of the kind that is named, and closes it again: prints how that failed, as JSON, or `null`.
import { LocalEc2Error } from '../../src/errors.ts'
import { openMachineHost } from '../../src/machine/host.ts'
import type { MachineKind } from '../../src/machine/machine.ts'

try {
  await (await openMachineHost(process.argv[2] as MachineKind)).close()
  process.stdout.write('null')
} catch (error) {
  if (!(error instanceof LocalEc2Error)) throw error
  const { code, message, hint } = error
  process.stdout.write(JSON.stringify({ code, message, hint }))
}

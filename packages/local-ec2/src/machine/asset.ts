import { extname } from 'node:path'
import { fileURLToPath } from 'node:url'

// The build keeps both at the same place relative to this file's bundle as they have here.
const here = import.meta.url

/** What the fabric's process runs: TypeScript beside this file, or what the build made of it. */
export const fabricEntry: string = fileURLToPath(new URL(`./fabric/main${extname(here)}`, here))

/** What stands in the way of a machine's packets, in Python: Node cannot open its devices. */
export const relayProgram: string = fileURLToPath(new URL('./link/relay.py', here))

/** Directory of the programs that run inside a machine. */
export const guestDirectory: string = fileURLToPath(new URL('./guest', here))

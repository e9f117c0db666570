/** The files of one machine that outlive its power: a file system of its own, made at its first boot. */
import { mkdirSync, rmdirSync } from 'node:fs'
import { statfs } from 'node:fs/promises'
import { totalmem } from 'node:os'
import { join } from 'node:path'

import type { Overlay } from './bundle.ts'
import type { Contents } from './contents.ts'
import type { BootOrder } from './protocol.ts'
import { run } from './run.ts'

export class Disk {
  /** Where a machine's root directory is. Once a machine has run, only it decides what a path below leads to. */
  readonly root: string
  readonly overlays: readonly Overlay[]
  readonly #directory: string
  readonly #contents: Contents
  #isMade = false
  #isFull = false

  constructor(directory: string, contents: Contents) {
    this.#directory = directory
    this.#contents = contents
    this.root = join(directory, 'root')
    this.overlays = contents.overlays(directory)
  }

  /** Makes it at the first boot, and leaves it as it is at a later one. */
  async prepare(order: BootOrder): Promise<void> {
    // They lie in memory: one machine may take half of it, as tmpfs itself would let it.
    const size = Math.min(order.diskBytes, Math.floor(totalmem() / 2))
    if (this.#isMade) {
      if (this.#isFull) await this.#resize(size)
      this.#isFull = false
      return
    }
    mkdirSync(this.#directory)
    const options = `mode=700,nodev,size=${size}`
    await run('mount', ['-t', 'tmpfs', '-o', options, 'disk', this.#directory])
    await this.#contents.make(this.#directory, order)
    this.#isMade = true
  }

  /** Leaves no room for anything more. */
  async fill(): Promise<void> {
    this.#isFull = true
    for (let slack = 1 << 20; ; slack *= 2) {
      const used = await this.#used()
      try {
        await this.#resize(used)
        return
      } catch (error) {
        const now = await this.#used()
        if (now <= used) throw error
        // Something was written since it was measured. Whoever writes faster than that gets an end to run into.
        await this.#resize(now + slack).catch(() => {})
      }
    }
  }

  async remove(): Promise<void> {
    // Detached, not waited for: a process of it that is still on its way out holds it a moment longer.
    await run('umount', ['--lazy', this.#directory]).catch(() => {})
    // Empty now. If not, it is a machine's tree that is left until the fabric's end, and that we do not walk.
    rmdirSync(this.#directory)
  }

  async #used(): Promise<number> {
    const { blocks, bfree, bsize } = await statfs(this.#directory)
    return (blocks - bfree) * bsize
  }

  async #resize(size: number): Promise<void> {
    await run('mount', ['-o', `remount,nodev,size=${size}`, this.#directory])
  }
}

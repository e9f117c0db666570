import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { expect, onTestFinished, test } from 'vitest'

import { imageContents } from './image.ts'
import type { BootOrder } from './protocol.ts'

test('what kept the first machine of an image from its files does not keep the next one', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'image-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const [root, guest] = [join(folder, 'root'), join(folder, 'guest')]
  for (const each of [root, guest]) mkdirSync(each)
  const plan = { init: 'cloud-init', rootless: true, guest, relay: '' } as const
  const contents = imageContents(root, plan, join(folder, 'layer'))
  const make = (): Promise<void> => contents.make(join(folder, 'disk'), {} as BootOrder)
  const lacks = (name: string): object => ({ code: 'ENOENT', path: join(guest, name) })
  await expect(make()).rejects.toMatchObject(lacks('init.sh'))
  writeFileSync(join(guest, 'init.sh'), '')
  await expect(make()).rejects.toMatchObject(lacks('systemctl.sh'))
})

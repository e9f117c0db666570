import { chmodSync, statSync } from 'node:fs'

import { FarList } from './far-list.ts'
import { type FileHeader, readHeader } from './file-header.ts'
import { modeOf } from './landing.ts'
import { localFailure } from './local-failure.ts'
import type { Done, PullContext } from './pull-context.ts'
import { noAnswer, refusedThere } from './pull-failure.ts'
import { FilePull } from './pull-file.ts'
import { FolderPull } from './pull-folder.ts'
import { relistScript } from './pull-scripts.ts'
import { type OnChunk, type Received, wasLost } from './receive.ts'
import type { Selection } from './selection.ts'

/** What the machine says about a path: that it is a file, or a folder. */
export class Answer {
  readonly #context: PullContext
  readonly #selection: Selection
  readonly #inOne: boolean
  readonly #isHere: boolean
  #equal: FileHeader | undefined
  #file: FilePull | undefined
  #folder: FolderPull | undefined
  #archive: ReturnType<FolderPull['archive']> | undefined
  #list: FarList | undefined

  /**
   * @param inOne a folder comes as a whole, not as a list
   * @param isHere there is a file here that it may be equal to
   */
  constructor(context: PullContext, selection: Selection, inOne: boolean, isHere: boolean) {
    this.#context = context
    this.#selection = selection
    this.#inOne = inOne
    this.#isHere = isHere
  }

  get hasBegun(): boolean {
    return (this.#equal ?? this.#file ?? this.#folder) !== undefined
  }

  begin(line: string, isLong: boolean): OnChunk {
    const { path: base, connection, limits } = this.#context
    if (line === 'folder') {
      const tree = { base, relist: relistScript(base), selection: this.#selection }
      this.#folder = new FolderPull(this.#context, tree, isLong)
      if (this.#inOne) {
        this.#archive = this.#folder.archive()
        return this.#archive.write
      }
      this.#list = new FarList(limits.maxFiles)
      return this.#list.write
    }
    const header = readHeader(line)
    if (header === undefined) throw noAnswer(base, connection.target.host)
    if (header.kind === 'equal' && this.#isHere) {
      this.#equal = header
      return () => undefined
    }
    // It was asked what is here: nothing.
    if (header.kind === 'equal') throw noAnswer(base, connection.target.host)
    this.#file = new FilePull(this.#context, header, isLong)
    return this.#file.write
  }

  async end(received: Received): Promise<Done> {
    const { path: source, connection } = this.#context
    if (this.#file) {
      await this.#file.finish(received)
      return { files: 1, skipped: 0, refused: [] }
    }
    if (this.#folder) return this.#endFolder(this.#folder, received)
    if (received.exitCode !== 0) throw refusedThere(source, connection.target.host, received)
    if (this.#equal === undefined) throw noAnswer(source, connection.target.host)
    this.#setMode(this.#context.mode ?? modeOf(this.#equal.mode))
    return { files: 0, skipped: 1, refused: [] }
  }

  /** The one thing that the machine has not compared. */
  #setMode(mode: number): void {
    const { to } = this.#context
    try {
      // Of somebody else's file it cannot be changed, and most often need not be.
      if ((statSync(to).mode & 0o7777) !== mode) chmodSync(to, mode)
    } catch (cause) {
      throw localFailure(to, cause)
    }
  }

  async #endFolder(folder: FolderPull, received: Received): Promise<Done> {
    const { path: source, connection } = this.#context
    if (this.#archive) {
      if (!this.#archive.end(received)) await folder.fetch()
    } else if (wasLost(received)) await folder.fetch()
    else {
      if (received.exitCode !== 0) throw refusedThere(source, connection.target.host, received)
      this.#list?.end()
      await folder.fetch(this.#list?.entries)
    }
    return folder.finish()
  }

  async discard(): Promise<void> {
    await this.#file?.discard()
    this.#folder?.discard()
  }
}

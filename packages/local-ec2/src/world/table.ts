/**
 * The resources of one kind: by id, in order of creation, and by what people look for.
 *
 * Whatever it finds still has to be looked at: a resource may have lost what it was filed under. It may
 * not have gained anything that was not told by `changed()`.
 */
import type { Resource } from './resource.ts'
import { heldTags, newTags } from './tags.ts'

/** What else than tags a resource is filed under, by the name of the filter that asks for it. */
export type Facets<T> = Readonly<
  Record<string, (item: T) => string | readonly string[] | undefined>
>

/** One of these values is wanted, under this name. */
export type Wanted = readonly [name: string, values: readonly string[]]

/** The name under which every resource with a tag is filed, with an empty value. */
export const tagged = 'tagged'

export class Table<T extends Resource> extends Map<string, T> {
  readonly #facets: Facets<T>
  readonly #all = new Shelf<T>()
  readonly #shelves = new Map<string, Shelf<T>>()
  readonly #filed = new Map<T, Set<string>>()

  readonly #idName: string

  /** @param idName the filter that asks for ids */
  constructor(idName: string, facets: Facets<T> = {}) {
    super()
    this.#idName = idName
    this.#facets = facets
  }

  override set(id: string, item: T): this {
    const former = this.get(id)
    if (former !== undefined && former !== item) this.delete(id)
    super.set(id, item)
    if (former === undefined) newTags(item.tags)
    this.#all.add(item)
    this.changed(item)
    return this
  }

  override delete(id: string): boolean {
    const item = this.get(id)
    if (item === undefined) return false
    this.#all.remove(item)
    for (const place of this.#filed.get(item) ?? []) this.#takeFrom(place, item)
    this.#filed.delete(item)
    return super.delete(id)
  }

  override clear(): void {
    for (const id of this.keys()) this.delete(id)
  }

  /** To be called when tags, or anything that it is filed under, have changed. */
  changed(item: T): void {
    if (this.get(item.id) !== item) return
    const before = this.#filed.get(item)
    const after = this.#placesOf(item)
    for (const place of before ?? []) if (!after.has(place)) this.#takeFrom(place, item)
    for (const place of after) if (!before?.has(place)) this.#shelf(place).add(item)
    this.#filed.set(item, after)
  }

  /** How many are filed under this value, at most. */
  count(name: string, value: string): number {
    return this.#shelves.get(placeOf(name, value))?.size ?? 0
  }

  /** What is filed under this value. */
  *filed(name: string, value: string): Iterable<T> {
    yield* this.#shelves.get(placeOf(name, value))?.after(0) ?? []
  }

  /**
   * In order of creation, after the one with this order: the fewest that are known to be enough.
   *
   * @param wanted all of them must hold; those that nothing is filed under by name are of no help
   */
  after(order: number, wanted: readonly Wanted[] = []): Iterable<T> {
    let best: readonly Shelf<T>[] = [this.#all]
    let fewest = this.#all.size
    for (const [name, values] of wanted) {
      const parts = this.#partsOf(name, values)
      const size = parts?.reduce((sum, part) => sum + part.size, 0)
      if (parts === undefined || size === undefined || size >= fewest) continue
      best = parts
      fewest = size
    }
    const [only, second] = best
    return only !== undefined && second === undefined
      ? only.after(order)
      : inOrder(best.map((part) => part.after(order)))
  }

  #partsOf(name: string, values: readonly string[]): Shelf<T>[] | undefined {
    if (name === this.#idName) return [new Shelf(values.flatMap((id) => this.get(id) ?? []))]
    if (!this.#isFiled(name)) return undefined
    return [...new Set(values)].flatMap((value) => this.#shelves.get(placeOf(name, value)) ?? [])
  }

  #isFiled(name: string): boolean {
    return (
      name === tagged ||
      name === 'tag-key' ||
      name.startsWith('tag:') ||
      Object.hasOwn(this.#facets, name)
    )
  }

  #placesOf(item: T): Set<string> {
    const places = new Set<string>()
    for (const [name, read] of Object.entries(this.#facets)) {
      const value = read(item)
      const values = typeof value === 'string' ? [value] : (value ?? [])
      for (const each of values) places.add(placeOf(name, each))
    }
    for (const tags of heldTags(item.tags)) {
      if (tags.size > 0) places.add(placeOf(tagged, ''))
      for (const [key, value] of tags) {
        places.add(placeOf('tag-key', key)).add(placeOf(`tag:${key}`, value))
      }
    }
    return places
  }

  #shelf(place: string): Shelf<T> {
    const shelf = this.#shelves.get(place) ?? new Shelf<T>()
    this.#shelves.set(place, shelf)
    return shelf
  }

  #takeFrom(place: string, item: T): void {
    const shelf = this.#shelves.get(place)
    shelf?.remove(item)
    if (shelf?.size === 0) this.#shelves.delete(place)
  }
}

/** Resources in order of creation; adding the newest and finding one's place are cheap. */
class Shelf<T extends Resource> {
  readonly #items: T[] = []

  constructor(items: readonly T[] = []) {
    for (const item of items) this.add(item)
  }

  get size(): number {
    return this.#items.length
  }

  add(item: T): void {
    const place = this.#placeAfter(item.order - 1)
    if (this.#items[place] !== item) this.#items.splice(place, 0, item)
  }

  remove(item: T): void {
    const place = this.#placeAfter(item.order - 1)
    if (this.#items[place] === item) this.#items.splice(place, 1)
  }

  *after(order: number): Iterable<T> {
    for (let place = this.#placeAfter(order); place < this.#items.length; place++) {
      const item = this.#items[place]
      if (item !== undefined) yield item
    }
  }

  #placeAfter(order: number): number {
    let [from, to] = [0, this.#items.length]
    while (from < to) {
      const middle = (from + to) >> 1
      if ((this.#items[middle]?.order ?? 0) > order) to = middle
      else from = middle + 1
    }
    return from
  }
}

/** Lists that are in order of creation as one, each item once. */
export function* inOrder<T extends Resource>(lists: readonly Iterable<T>[]): Iterable<T> {
  const heads = lists.map((list) => {
    const rest = list[Symbol.iterator]()
    return { rest, item: next(rest) }
  })
  for (;;) {
    let least: T | undefined
    for (const { item } of heads) {
      if (item !== undefined && (least === undefined || item.order < least.order)) least = item
    }
    if (least === undefined) return
    yield least
    for (const head of heads) if (head.item === least) head.item = next(head.rest)
  }
}

function next<T>(rest: Iterator<T, unknown>): T | undefined {
  const step = rest.next()
  return step.done === true ? undefined : step.value
}

function placeOf(name: string, value: string): string {
  return `${name}\0${value}`
}

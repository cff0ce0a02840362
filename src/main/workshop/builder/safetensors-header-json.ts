import { refuseSafetensors } from './refuse-safetensors.ts'

export interface HeaderEntry {
  readonly name: string
  readonly dtype: string
  readonly shape: readonly number[]
  /** Offsets relative to the end of the header. */
  readonly begin: number
  readonly end: number
}

const MAX_NAME_LENGTH = 512

/**
 * Reads exactly the JSON a safetensors header may be, in one pass without recursion: an object of tensors, each with
 * `dtype`, `shape` and `data_offsets` once, and optionally `__metadata__` with string values. JSON.parse will not do:
 * it
 * keeps the last of two equal keys silently and descends into whatever depth a hostile file has.
 *
 * @throws SwitchboardError invalid_safetensors
 */
export function parseHeaderJson(file: string, header: Uint8Array, maxTensors: number): readonly HeaderEntry[] {
  return new HeaderReader(file, decodeUtf8(file, header), maxTensors).read()
}

function decodeUtf8(file: string, header: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(header)
  } catch {
    // TextDecoder reports invalid bytes as a TypeError without a position
    return refuseSafetensors(file, 'utf8', 'the header is not valid UTF-8')
  }
}

class HeaderReader {
  readonly #file: string
  readonly #text: string
  readonly #maxTensors: number
  #at = 0

  constructor(file: string, text: string, maxTensors: number) {
    this.#file = file
    this.#text = text
    this.#maxTensors = maxTensors
  }

  read(): readonly HeaderEntry[] {
    if (this.#text[0] !== '{') this.#refuse('the header does not start with {')
    const entries = new Map<string, HeaderEntry>()
    let metadataSeen = false
    this.#object((name) => {
      if (name === '__metadata__') {
        if (metadataSeen) refuseSafetensors(this.#file, 'duplicate', 'the header has __metadata__ twice')
        metadataSeen = true
        this.#metadata()
        return
      }
      if (entries.has(name)) refuseSafetensors(this.#file, 'duplicate', `the header names tensor ${name} twice`, name)
      if (entries.size >= this.#maxTensors)
        refuseSafetensors(this.#file, 'tensor_count', `the header has more than ${this.#maxTensors} tensors`)
      if (name.length === 0 || name.length > MAX_NAME_LENGTH)
        refuseSafetensors(this.#file, 'name', `a tensor name has ${name.length} characters`)
      entries.set(name, this.#tensor(name))
    })
    this.#space()
    if (this.#at !== this.#text.length) this.#refuse('something follows the header object')
    return [...entries.values()]
  }

  #metadata(): void {
    const seen = new Set<string>()
    this.#object((key) => {
      if (seen.has(key)) refuseSafetensors(this.#file, 'duplicate', '__metadata__ has a key twice')
      seen.add(key)
      this.#string()
    })
  }

  #tensor(name: string): HeaderEntry {
    let dtype: string | undefined
    let shape: readonly number[] | undefined
    let offsets: readonly number[] | undefined
    this.#object((key) => {
      if (key === 'dtype' && dtype === undefined) dtype = this.#string()
      else if (key === 'shape' && shape === undefined) shape = this.#integers()
      else if (key === 'data_offsets' && offsets === undefined) offsets = this.#integers()
      else this.#refuse(`tensor ${name} has an unknown or repeated field`, name)
    })
    const [begin, end] = offsets ?? []
    if (
      dtype === undefined ||
      shape === undefined ||
      begin === undefined ||
      end === undefined ||
      offsets?.length !== 2
    ) {
      return this.#refuse(`tensor ${name} needs dtype, shape and two data_offsets`, name)
    }
    return { name, dtype, shape, begin, end }
  }

  /** Reads `{ "key": <what onKey reads>, ... }`. */
  #object(onKey: (key: string) => void): void {
    this.#expect('{')
    if (this.#accept('}')) return
    do {
      const key = this.#string()
      this.#expect(':')
      onKey(key)
    } while (this.#accept(','))
    this.#expect('}')
  }

  #integers(): readonly number[] {
    const values: number[] = []
    this.#expect('[')
    if (this.#accept(']')) return values
    do {
      values.push(this.#integer())
      if (values.length > 64) this.#refuse('a list of numbers has more than 64 entries')
    } while (this.#accept(','))
    this.#expect(']')
    return values
  }

  #integer(): number {
    this.#space()
    const start = this.#at
    while (this.#at - start <= 16 && isDigit(this.#text.charCodeAt(this.#at))) this.#at++
    const digits = this.#text.slice(start, this.#at)
    const value = Number(digits)
    if (digits === '' || (digits.length > 1 && digits[0] === '0') || !Number.isSafeInteger(value))
      this.#refuse('a size or offset is not a whole number in range')
    return value
  }

  #string(): string {
    this.#expect('"')
    const start = this.#at
    for (;;) {
      const code = this.#text.charCodeAt(this.#at)
      if (Number.isNaN(code) || code < 0x20) return this.#refuse('a string does not end')
      if (code === 0x22) break
      this.#at += code === 0x5c ? 2 : 1
    }
    const literal = this.#text.slice(start, this.#at++)
    if (!literal.includes('\\')) return literal
    try {
      return String(JSON.parse(`"${literal}"`))
    } catch {
      // the only way to fail here is an escape that JSON does not have
      return this.#refuse('a string has an invalid escape')
    }
  }

  #space(): void {
    for (;;) {
      const code = this.#text.charCodeAt(this.#at)
      if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return
      this.#at++
    }
  }

  #accept(character: string): boolean {
    this.#space()
    if (this.#text[this.#at] !== character) return false
    this.#at++
    return true
  }

  #expect(character: string): void {
    if (!this.#accept(character)) this.#refuse(`expected ${character} at character ${this.#at} of the header`)
  }

  #refuse(message: string, tensor?: string): never {
    return refuseSafetensors(this.#file, 'json', message, tensor)
  }
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39
}

/** A small library with NVML's functions stands in for a driver; it is compiled where a compiler exists. */
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { cardMemory } from './card-memory.ts'

const gigabyte = 1024 ** 3
const canCompile = process.platform === 'linux' && spawnSync('cc', ['--version']).status === 0
const folder = mkdtempSync(join(tmpdir(), 'switchboard-nvml-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** Path of a shared library compiled from this C source. */
function compiled(name: string, source: string): string {
  const [input, library] = [join(folder, `${name}.c`), join(folder, `${name}.so`)]
  writeFileSync(input, source)
  execFileSync('cc', ['-shared', '-fPIC', '-o', library, input])
  return library
}

interface Driver {
  readonly cards?: number
  readonly init?: number
  readonly info?: number
}

/** Expects one open and one close, in order, and refuses unknown handles. */
function driver(name: string, { cards = 1, init = 0, info = 0 }: Driver): string {
  return compiled(
    name,
    `
    typedef struct { unsigned long long total, free, used; } nvmlMemory_t;
    static int open = 0, card = 0;
    int nvmlInit_v2(void) { open += 1; return ${init}; }
    int nvmlShutdown(void) { open -= 1; return 0; }
    int nvmlDeviceGetCount_v2(unsigned int *count) { *count = ${cards}; return open == 1 ? 0 : 1; }
    int nvmlDeviceGetHandleByIndex_v2(unsigned int index, void **handle) { *handle = &card; return open == 1 && index == 0 ? 0 : 2; }
    int nvmlDeviceGetMemoryInfo(void *handle, nvmlMemory_t *memory) {
      if (open != 1 || handle != &card) return 2;
      memory->total = 24ull << 30; memory->free = 20ull << 30; memory->used = 4ull << 30;
      return ${info};
    }`,
  )
}

describe('cardMemory', () => {
  it('is unknown without a driver', () => {
    expect(cardMemory(join(folder, 'no-such-library.so'))).toBeNull()
  })

  it.runIf(canCompile)('is the free memory of the driver minus a tenth, read on every call', () => {
    const library = driver('one', {})
    expect([cardMemory(library), cardMemory(library)]).toEqual([18 * gigabyte, 18 * gigabyte])
  })

  it.runIf(canCompile).each<readonly [string, Driver]>([
    ['none', { cards: 0 }],
    ['several', { cards: 2 }],
    ['mismatch', { init: 18 }],
    ['lost', { info: 15 }],
  ])('is unknown where the driver cannot tell: %s', (name, answers) => {
    expect(cardMemory(driver(name, answers))).toBeNull()
  })

  it.runIf(canCompile)('is unknown where the library lacks the functions', () => {
    expect(cardMemory(compiled('old', 'int nvmlInit(void) { return 0; }'))).toBeNull()
  })
})

import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { SwitchboardError } from '../../../shared/errors/switchboard-error.ts'

const libraryNames: Readonly<Partial<Record<NodeJS.Platform, string>>> = {
  linux: 'libonnxruntime.so.1',
  win32: 'onnxruntime.dll',
}

/**
 * Path of the ONNX Runtime library inside the installed onnxruntime-node package.
 *
 * Resolved from this file, which works from source, from the bundle in out/main, and from inside an Electron archive:
 * a shared library cannot be opened inside app.asar, so its unpacked twin is named.
 * @throws SwitchboardError provider_unavailable when the package has no library for this platform.
 */
export function findOrtLibrary(override?: string): string {
  if (override !== undefined) return override
  const name = libraryNames[process.platform]
  if (name === undefined)
    throw new SwitchboardError(
      'provider_unavailable',
      `ONNX Runtime is not shipped for ${process.platform}; Switchboard runs on Linux and Windows.`,
    )
  let manifest: string
  try {
    manifest = createRequire(import.meta.url).resolve('onnxruntime-node/package.json')
  } catch (cause) {
    throw new SwitchboardError(
      'provider_unavailable',
      'The package onnxruntime-node is not installed; install Switchboard again.',
      { cause },
    )
  }
  const unpacked = dirname(manifest).replace(/app\.asar(?=[\\/])/, 'app.asar.unpacked')
  const path = join(unpacked, 'bin', 'napi-v6', process.platform, process.arch, name)
  if (!existsSync(path))
    throw new SwitchboardError(
      'provider_unavailable',
      `ONNX Runtime's library ${name} is missing; install Switchboard again.`,
    )
  return path
}

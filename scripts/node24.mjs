import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { modules, Refusal } from './paths.mjs'

/** Major version of Node the product runs on, the one inside its Electron. */
const MAJOR = 24

/**
 * Path of a Node 24 binary: the one installed with the dependencies, otherwise the running one if it is new enough.
 * @throws Refusal with the two ways out.
 */
export function findNode() {
  const name = process.platform === 'win32' ? 'node.exe' : 'node'
  const platform = process.platform === 'win32' ? 'win' : process.platform
  const installed = join(modules, `node-${platform}-${process.arch}`, 'bin', name)
  if (existsSync(installed)) return installed
  if (Number(process.versions.node.split('.')[0]) >= MAJOR) return process.execPath
  throw new Refusal(
    `Switchboard needs Node ${MAJOR}; this is ${process.version}, and no binary for ` +
      `${process.platform}-${process.arch} came with the dependencies. ` +
      `Install Node ${MAJOR} and run the command with it.`,
  )
}

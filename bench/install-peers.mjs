import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { agreesWithLockfile, npmInstall } from '../scripts/install.mjs'
import { Refusal, say } from '../scripts/paths.mjs'

const here = dirname(fileURLToPath(import.meta.url))
const peer = 'node-llama-cpp'

/**
 * Installs the peers from the lockfile of bench into bench/node_modules unless they are installed. node-llama-cpp has
 * its programs for all systems and cards as optional packages, over a gigabyte; only the one for this CPU is installed.
 */
export async function installPeers() {
  const version = JSON.parse(readFileSync(join(here, 'package.json'), 'utf8')).dependencies[peer]
  const program = `@${peer}/${programFor(process.platform, process.arch)}`
  const complete = () => agreesWithLockfile(here) && installed(program) === version
  if (complete()) return
  say(`Installing ${peer} ${version} into bench/node_modules to compare with (85 MB, some minutes, once).`)
  const code = await npmInstall(here, ['--omit=optional', `${peer}@${version}`, `${program}@${version}`])
  if (code !== 0)
    throw new Refusal(
      `npm install ended with ${code}. Check the connection to the npm registry and run this again; --only demo needs no peers.`,
    )
  if (!complete())
    throw new Refusal(
      'npm installed other versions than bench/package-lock.json names. Delete bench/node_modules and run this again.',
    )
}

function installed(name) {
  const manifest = join(here, 'node_modules', name, 'package.json')
  return existsSync(manifest) ? JSON.parse(readFileSync(manifest, 'utf8')).version : null
}

function programFor(platform, arch) {
  if (platform === 'darwin') return arch === 'arm64' ? 'mac-arm64-metal' : 'mac-x64'
  return `${platform === 'win32' ? 'win' : platform}-${arch}`
}

import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { run } from './children.mjs'
import { exclusively } from './lock.mjs'
import { Refusal, root, say, state } from './paths.mjs'

/** Installs exactly what package-lock.json says, unless that is already installed. No package script is run. */
export async function install() {
  if (agreesWithLockfile(root)) return
  await exclusively(join(state, 'setup.lock'), async () => {
    if (agreesWithLockfile(root)) return
    say('Installing the dependencies from the npm registry (about a minute, once).')
    const code = await npmInstall(root)
    if (code !== 0)
      throw new Refusal(`npm install ended with ${code}. Check the connection to the npm registry and run this again.`)
    if (!agreesWithLockfile(root))
      throw new Refusal(
        'npm installed other versions than package-lock.json names. Delete node_modules and run this again.',
      )
  })
}

/**
 * Installs into a folder what its lockfile says; resolves to npm's exit code. Not `npm ci`, which refuses a lockfile
 * without the optional packages of other platforms: check {@link agreesWithLockfile} afterwards.
 */
export function npmInstall(folder, extra = []) {
  const npm = process.env.npm_execpath
  const args = ['install', '--no-save', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error', ...extra]
  return npm === undefined || !existsSync(npm)
    ? run('npm', args, { quiet: true, cwd: folder, shell: process.platform === 'win32' })
    : run(process.execPath, [npm, ...args], { quiet: true, cwd: folder })
}

/** Whether npm's own record of a folder's node_modules agrees with the lockfile. */
export function agreesWithLockfile(folder) {
  const record = join(folder, 'node_modules', '.package-lock.json')
  if (!existsSync(record)) return false
  const wanted = JSON.parse(readFileSync(join(folder, 'package-lock.json'), 'utf8')).packages
  const present = JSON.parse(readFileSync(record, 'utf8')).packages
  return Object.entries(wanted).every(([path, entry]) => {
    if (path === '') return true
    const found = present[path]
    // Optional packages of other platforms are absent.
    if (found === undefined) return entry.optional === true
    return found.version === entry.version && found.integrity === entry.integrity
  })
}

import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { run } from './children.mjs'

/**
 * Installs into one folder what its lockfile says, and nothing else; resolves to npm's exit code. No package's own
 * script
 * is run. Not `npm ci`: it refuses a lockfile that lacks the optional packages of other platforms, so whoever calls
 * this
 * asks {@link agreesWithLockfile} afterwards.
 */
export function npmInstall(folder, extra = []) {
  const npm = process.env.npm_execpath
  const args = ['install', '--no-save', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error', ...extra]
  return npm === undefined || !existsSync(npm)
    ? run('npm', args, { quiet: true, cwd: folder, shell: process.platform === 'win32' })
    : run(process.execPath, [npm, ...args], { quiet: true, cwd: folder })
}

/**
 * Whether npm's own record of what it installed in a folder agrees with the lockfile there: then an install done by
 * hand is left alone.
 */
export function agreesWithLockfile(folder) {
  const record = join(folder, 'node_modules', '.package-lock.json')
  if (!existsSync(record)) return false
  const wanted = JSON.parse(readFileSync(join(folder, 'package-lock.json'), 'utf8')).packages
  const present = JSON.parse(readFileSync(record, 'utf8')).packages
  return Object.entries(wanted).every(([path, entry]) => {
    if (path === '') return true
    const found = present[path]
    // Optional packages of other platforms are rightly absent.
    if (found === undefined) return entry.optional === true
    return found.version === entry.version && found.integrity === entry.integrity
  })
}

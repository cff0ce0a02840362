import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { run } from './children.mjs'
import { modules, Refusal, root, say, stamps } from './places.mjs'
import { fileDigest, readStamp, writeStamp } from './stamp.mjs'

const lockfile = join(root, 'package-lock.json')
const stamp = join(stamps, 'installed')

/** Installs exactly what the lockfile says, where that is not already so. No package's own script is run. */
export async function install() {
  const digest = fileDigest(lockfile)
  if (readStamp(stamp) === digest) return
  if (!isInstalled()) {
    say('Installing the dependencies from the npm registry (about a minute, once).')
    const npm = process.env.npm_execpath
    // Not `npm ci`: it refuses a lockfile that lacks the optional packages of other platforms. What was installed is
    // compared with the lockfile below, so that nothing else can have come in.
    const args = ['install', '--no-save', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error']
    const code = npm === undefined || !existsSync(npm)
      ? await run('npm', args, { quiet: true, shell: process.platform === 'win32' })
      : await run(process.execPath, [npm, ...args], { quiet: true })
    if (code !== 0) throw new Refusal(`npm install ended with ${code}. Check the connection to the npm registry and run this again.`)
    if (!isInstalled()) throw new Refusal('npm installed other versions than package-lock.json names. Delete node_modules and run this again.')
  }
  writeStamp(stamp, digest)
}

/** Whether npm's own record of what it installed agrees with the lockfile: then an install done by hand is left alone. */
function isInstalled() {
  const record = join(modules, '.package-lock.json')
  if (!existsSync(record)) return false
  const wanted = JSON.parse(readFileSync(lockfile, 'utf8')).packages
  const present = JSON.parse(readFileSync(record, 'utf8')).packages
  return Object.entries(wanted).every(([path, entry]) => {
    if (path === '') return true
    const found = present[path]
    // Optional packages of other platforms are rightly absent.
    if (found === undefined) return entry.optional === true
    return found.version === entry.version && found.integrity === entry.integrity
  })
}

import { join } from 'node:path'
import { agreesWithLockfile, npmInstall } from './npm.mjs'
import { Refusal, root, say, setupLock, stamps } from './places.mjs'
import { exclusively, fileDigest, readStamp, writeStamp } from './stamp.mjs'

const lockfile = join(root, 'package-lock.json')
const stamp = join(stamps, 'installed')

/** Installs exactly what the lockfile says, where that is not already so. No package's own script is run. */
export async function install() {
  if (isCurrent()) return
  await exclusively(setupLock, async () => {
    if (isCurrent()) return
    const digest = fileDigest(lockfile)
    if (!agreesWithLockfile(root)) {
      say('Installing the dependencies from the npm registry (about a minute, once).')
      const code = await npmInstall(root)
      if (code !== 0)
        throw new Refusal(
          `npm install ended with ${code}. Check the connection to the npm registry and run this again.`,
        )
      if (!agreesWithLockfile(root))
        throw new Refusal(
          'npm installed other versions than package-lock.json names. Delete node_modules and run this again.',
        )
    }
    writeStamp(stamp, digest)
  })
}

function isCurrent() {
  return readStamp(stamp) === fileDigest(lockfile)
}

import { mkdirSync } from 'node:fs'
import { homedir } from 'node:os'
import { isAbsolute, join, resolve } from 'node:path'

/** Paths of everything the program writes. */
export interface Home {
  readonly root: string
  readonly database: string
  readonly models: string
  readonly graphs: string
  readonly logs: string
  readonly runFile: string
  readonly consoleKey: string
}

/** The home folder: SWITCHBOARD_HOME if set, otherwise the per-user data folder of the platform. */
export function defaultHomeRoot(environment: NodeJS.ProcessEnv, platform: NodeJS.Platform): string {
  const named = environment['SWITCHBOARD_HOME']
  if (named !== undefined && named !== '') return resolve(named)
  if (platform === 'win32')
    return join(environment['LOCALAPPDATA'] ?? join(homedir(), 'AppData', 'Local'), 'Switchboard')
  if (platform === 'darwin') return join(homedir(), 'Library', 'Application Support', 'Switchboard')
  const data = environment['XDG_DATA_HOME']
  return join(data !== undefined && isAbsolute(data) ? data : join(homedir(), '.local', 'share'), 'switchboard')
}

/** The paths in a home folder, without touching the disk. */
export function homeAt(root: string): Home {
  return {
    root,
    database: join(root, 'switchboard.db'),
    models: join(root, 'models'),
    graphs: join(root, 'graphs'),
    logs: join(root, 'logs'),
    runFile: join(root, 'run.json'),
    consoleKey: join(root, 'console-key'),
  }
}

/**
 * Creates the home folder, readable only by its owner. An existing folder keeps its mode, since other programs may use
 * it; our own files and folders in it are private in any case.
 */
export function openHome(root: string): Home {
  const home = homeAt(root)
  mkdirSync(home.root, { recursive: true, mode: 0o700 })
  return home
}

/**
 * Which room may import which, as data; architecture.test.ts walks every import of src against it and fails on an arrow
 * that nobody uses. A change here is a change of ARCHITECTURE.md in the same commit.
 *
 * A room is a folder of src, or a single file where it stands between folders. Each file belongs to the longest room its
 * path starts with. A room may import itself, `shared`, and the rooms listed; type-only and dynamic imports count, tests
 * too.
 */
export const rooms = {
  shared: [],
  preload: [],

  'main/platform': [],
  'main/text': [],
  'main/inference/costs': [],
  'main/inference/scheduler': ['main/inference/costs'],
  'main/inference/sampling': [],
  'main/inference/speculation': ['main/inference/costs'],
  'main/inference/grammar': [],
  'main/inference/ort': [],
  'main/inference/runtime': ['main/inference/ort'],
  'main/inference': [
    'main/inference/costs',
    'main/inference/scheduler',
    'main/inference/sampling',
    'main/inference/speculation',
    'main/inference/grammar',
    'main/inference/runtime',
  ],
  'main/inference/warm-up.ts': ['main/inference/costs', 'main/inference/runtime'],
  // Joins the loop and the device.
  'main/inference/load-engine.ts': [
    'main/inference',
    'main/inference/warm-up.ts',
    'main/inference/grammar',
    'main/inference/runtime',
    'main/inference/ort',
  ],
  // The process around the engine: its wire to the parent is the platform's.
  'main/inference/process.ts': [
    'main/inference/load-engine.ts',
    'main/inference',
    'main/inference/ort',
    'main/platform',
  ],
  // The same loop without a process around it, for measuring.
  'main/inference/bare-loop.ts': ['main/inference/load-engine.ts', 'main/inference/sampling'],
  'main/workshop/onnx': [],
  'main/workshop/builder': ['main/workshop/onnx'],
  'main/workshop/quantizer': [],
  'main/workshop': ['main/workshop/onnx', 'main/workshop/builder', 'main/workshop/quantizer', 'main/platform'],
  'main/storage': ['main/platform'],
  'main/telemetry': ['main/platform'],
  'main/engine-client': ['main/platform'],
  'main/catalog': ['main/storage', 'main/platform'],
  'main/jobs': ['main/storage', 'main/platform'],
  // The engine arrives as an interface of the contracts.
  'main/answering': ['main/text', 'main/catalog', 'main/storage'],
  'main/openai': ['main/answering', 'main/catalog', 'main/telemetry', 'main/platform'],
  'main/console': ['main/answering', 'main/catalog', 'main/jobs', 'main/telemetry', 'main/storage', 'main/platform'],
  'main/http': ['main/openai', 'main/console', 'main/answering', 'main/catalog', 'main/telemetry', 'main/platform'],
  'main/desktop': ['main/platform'],
  // The composition root: everything but the insides of the two processes, which it names as entries only.
  'main/backend.ts': [
    'main/platform',
    'main/text',
    'main/storage',
    'main/telemetry',
    'main/engine-client',
    'main/catalog',
    'main/jobs',
    'main/answering',
    'main/console',
    'main/http',
  ],
  // The hosts; the desktop's own carrier of the console is attached where the window is.
  'main/index.ts': ['main/backend.ts', 'main/commands', 'main/desktop', 'main/console', 'main/platform'],
  'main/headless.ts': ['main/backend.ts', 'main/platform'],
  // One file a command; the command line itself only chooses.
  'main/commands': ['main/backend.ts', 'main/catalog', 'main/platform', 'main/storage'],
  'main/cli.ts': ['main/commands', 'main/headless.ts', 'main/platform'],
  // Whole engines and whole jobs on real graphs: tests alone, so they may see both processes from inside.
  'main/engine-tests': [
    'main/platform',
    'main/engine-client',
    'main/catalog',
    'main/jobs',
    'main/storage',
    'main/text',
    'main/inference',
    'main/inference/load-engine.ts',
    'main/inference/sampling',
    'main/inference/grammar',
    'main/inference/runtime',
    'main/inference/ort',
    'main/workshop',
    'main/workshop/onnx',
    'main/workshop/builder',
    'main/workshop/quantizer',
  ],
  // The whole program behind its own door: tests alone.
  'main/backend-tests': ['main/backend.ts', 'main/platform', 'main/http', 'main/text'],
  'main/architecture.ts': [],
  'main/architecture.test.ts': ['main/architecture.ts'],

  'renderer/lib': [],
  'renderer/bridge': [],
  'renderer/ui': ['renderer/lib'],
  'renderer/stores': ['renderer/bridge', 'renderer/lib'],
  // Each feature is a room of its own: they never import each other.
  'renderer/features/*': ['renderer/ui', 'renderer/stores', 'renderer/lib'],
  'renderer/app': ['renderer/features/*', 'renderer/ui', 'renderer/stores', 'renderer/bridge', 'renderer/lib'],
  renderer: ['renderer/app', 'renderer/bridge'],
} as const satisfies Readonly<Record<string, readonly string[]>>

/**
 * Packages only some rooms may name, by what they stand for. Everything else about packages is package.json's business.
 */
export const reservedPackages: readonly {
  readonly pattern: RegExp
  readonly only: (room: string) => boolean
  readonly reason: string
}[] = [
  {
    pattern: /^electron($|\/)/,
    only: (room) => ['main/index.ts', 'main/desktop', 'preload'].includes(room),
    reason: 'electron exists in the desktop host alone; under plain Node its package tries to download it',
  },
  {
    pattern: /^node:/,
    only: (room) => room.startsWith('main/'),
    reason: 'the ground floor, preload and the page run where Node is not',
  },
  {
    pattern: /^(react|react-dom|@mantine\/.*|zustand)($|\/)/,
    only: (room) => room.startsWith('renderer'),
    reason: 'the page alone draws',
  },
  {
    pattern: /^(koffi|onnxruntime-node)($|\/)/,
    only: (room) => room === 'main/inference/ort' || room === 'main/telemetry',
    reason: 'native code is loaded in one place',
  },
]

/** The room of a path below src, such as `main/http/host-check.ts`; null when no room holds it. */
export function roomOf(path: string): string | null {
  let found: string | null = null
  for (const room of Object.keys(rooms)) {
    const holds = room.endsWith('/*')
      ? path.startsWith(room.slice(0, -1))
      : path === room || path.startsWith(`${room}/`)
    if (holds && (found === null || room.length > found.length)) found = room
  }
  return found?.endsWith('/*') === true ? path.split('/').slice(0, found.split('/').length).join('/') : found
}

/** The entry of the table for a room: features share one. */
function entryOf(room: string): keyof typeof rooms {
  return (room in rooms ? room : `${room.slice(0, room.lastIndexOf('/'))}/*`) as keyof typeof rooms
}

/** The arrow of the table that an import uses (both paths below src); null inside a room and down to `shared`. */
export function arrowOf(from: string, to: string): string | null {
  const source = roomOf(from)
  const target = roomOf(to)
  if (source === null || target === null || source === target || target === 'shared') return null
  return `${entryOf(source)} -> ${entryOf(target)}`
}

/** What is wrong with a file importing another (both paths below src), or null. */
export function brokenRule(from: string, to: string): string | null {
  const source = roomOf(from)
  const target = roomOf(to)
  if (source === null || target === null) return `no room of the table holds ${source === null ? from : to}`
  if (source === target || target === 'shared') return null
  const allowed: readonly string[] = rooms[entryOf(source)]
  return allowed.includes(entryOf(target)) && entryOf(source) !== entryOf(target)
    ? null
    : `${source} may import ${['shared', ...allowed].join(', ')}; not ${target}`
}

/** What is wrong with a file importing a package, or null. */
export function brokenReservation(from: string, name: string): string | null {
  const room = roomOf(from) ?? from
  const broken = reservedPackages.find(({ pattern, only }) => pattern.test(name) && !only(room))
  return broken === undefined ? null : `${room} may not import ${name}: ${broken.reason}`
}

/**
 * Which part may lean on which, as data; architecture.test.ts walks every import of src against it. A change here is a
 * change of ARCHITECTURE.md in the same commit.
 *
 * A room is a folder of src, or a single file where it stands between folders. Each file belongs to the longest room
 * its
 * path starts with. A room may import itself, `shared`, and the rooms listed; type-only and dynamic imports count,
 * tests too.
 */
export const rooms = {
  shared: [],
  preload: [],

  'main/platform': [],
  'main/tokenizer': [],
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
  // What joins the loop and the device, and the process around it: its wire to the parent is the platform's.
  'main/inference/load-engine.ts': [
    'main/inference',
    'main/inference/costs',
    'main/inference/grammar',
    'main/inference/runtime',
    'main/inference/ort',
  ],
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
  'main/workshop/quantizer': ['main/workshop/onnx'],
  'main/workshop': ['main/workshop/onnx', 'main/workshop/builder', 'main/workshop/quantizer', 'main/platform'],
  'main/storage': ['main/platform'],
  'main/telemetry': ['main/platform'],
  'main/engine-client': ['main/platform'],
  'main/catalog': ['main/storage', 'main/platform'],
  'main/jobs': ['main/storage', 'main/platform'],
  'main/conversation': ['main/tokenizer', 'main/catalog', 'main/storage'],
  'main/server': ['main/conversation', 'main/catalog', 'main/telemetry', 'main/jobs', 'main/storage', 'main/platform'],
  'main/desktop': ['main/platform'],
  // The composition root and what it is cut into: everything but the insides of the two processes.
  'main/backend.ts': [
    'main/platform',
    'main/tokenizer',
    'main/storage',
    'main/telemetry',
    'main/engine-client',
    'main/catalog',
    'main/jobs',
    'main/conversation',
    'main/server',
  ],
  // The hosts; the desktop's own door to the console is opened where the window is.
  'main/index.ts': ['main/backend.ts', 'main/commands', 'main/desktop', 'main/server', 'main/platform'],
  'main/headless.ts': ['main/backend.ts', 'main/platform'],
  // One file a command; the command line itself only chooses.
  'main/commands': ['main/backend.ts', 'main/platform', 'main/storage'],
  'main/cli.ts': ['main/commands', 'main/headless.ts', 'main/platform'],
  // Whole engines and whole jobs on real graphs: tests alone, so they may see both processes from inside.
  'main/engine-tests': [
    'main/platform',
    'main/engine-client',
    'main/catalog',
    'main/jobs',
    'main/inference',
    'main/inference/process.ts',
    'main/inference/load-engine.ts',
    'main/inference/scheduler',
    'main/inference/sampling',
    'main/inference/grammar',
    'main/tokenizer',
    'main/inference/runtime',
    'main/inference/ort',
    'main/workshop',
    'main/workshop/onnx',
    'main/workshop/builder',
    'main/workshop/quantizer',
  ],
  // The whole program behind its own door: tests alone.
  'main/backend-tests': ['main/backend.ts', 'main/platform', 'main/server', 'main/storage', 'main/conversation'],
  'main/architecture.ts': [],
  'main/architecture.test.ts': ['main/architecture.ts'],

  'renderer/lib': [],
  'renderer/bridge': ['renderer/lib'],
  'renderer/ui': ['renderer/lib'],
  'renderer/stores': ['renderer/bridge', 'renderer/lib'],
  // Each feature is a room of its own: they never import each other.
  'renderer/features/*': ['renderer/ui', 'renderer/stores', 'renderer/lib'],
  'renderer/app': ['renderer/features/*', 'renderer/ui', 'renderer/stores', 'renderer/bridge', 'renderer/lib'],
  renderer: ['renderer/app', 'renderer/bridge', 'renderer/stores', 'renderer/lib'],
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

/** The room of a path below src, such as `main/server/door.ts`; null when no room holds it. */
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

/** What is wrong with a file importing another (both paths below src), or null. */
export function brokenRule(from: string, to: string): string | null {
  const source = roomOf(from)
  const target = roomOf(to)
  if (source === null || target === null) return `no room of the table holds ${source === null ? from : to}`
  if (source === target || target === 'shared') return null
  const kind = (room: string): string => (room in rooms ? room : `${room.slice(0, room.lastIndexOf('/'))}/*`)
  const allowed: readonly string[] = rooms[kind(source) as keyof typeof rooms]
  return allowed.includes(kind(target)) && kind(source) !== kind(target)
    ? null
    : `${source} may import ${['shared', ...allowed].join(', ')}; not ${target}`
}

/** What is wrong with a file importing a package, or null. */
export function brokenReservation(from: string, name: string): string | null {
  const room = roomOf(from) ?? from
  const broken = reservedPackages.find(({ pattern, only }) => pattern.test(name) && !only(room))
  return broken === undefined ? null : `${room} may not import ${name}: ${broken.reason}`
}

import { Socket } from 'node:net'
import { encodeFrame, FrameDecoder } from './frame-codec.ts'

/**
 * The child's end of the wire to the process that started it: `process.parentPort` under Electron's utilityProcess, a
 * private pipe under plain Node. The one place that touches either.
 */
export interface ParentPort<Incoming, Outgoing> {
  send(message: Outgoing): void
  onMessage(listener: (message: Incoming) => void): void
  /** Called once when the parent is gone, closed the wire or talks garbage: there is nobody left to work for. */
  onClose(listener: () => void): void
  /** Lets everything sent reach the parent, then ends this process. */
  exit(code: number): void
}

/** Names the file descriptor of the pipe to a child started by {@link file://./child-process.ts}. */
export const PORT_VARIABLE = 'SWITCHBOARD_PORT_DESCRIPTOR'

/**
 * The part of Electron's MessagePortMain that is needed here; declared, so that nothing below desktop imports electron.
 */
interface UtilityPort {
  on(event: 'message', listener: (event: { readonly data: unknown }) => void): unknown
  postMessage(message: unknown): void
}

/** @throws Error when this process was not started by another with a wire to it. */
export function connectToParent<Incoming, Outgoing>(): ParentPort<Incoming, Outgoing> {
  const utility = (process as NodeJS.Process & { readonly parentPort?: UtilityPort }).parentPort
  if (utility !== undefined) return overUtilityPort(utility)
  const descriptor = Number(process.env[PORT_VARIABLE])
  if (!Number.isInteger(descriptor) || descriptor < 3) throw new Error('this program is started by Switchboard itself')
  return overPipe(descriptor)
}

function overUtilityPort<Incoming, Outgoing>(port: UtilityPort): ParentPort<Incoming, Outgoing> {
  return {
    send: (message) => port.postMessage(message),
    onMessage: (listener) => void port.on('message', (event) => listener(event.data as Incoming)),
    // Electron ends its utility processes itself when the main process goes.
    onClose: () => undefined,
    // posted messages leave with the next turns of the loop
    exit: (code) => void setTimeout(() => process.exit(code), 50),
  }
}

function overPipe<Incoming, Outgoing>(descriptor: number): ParentPort<Incoming, Outgoing> {
  const socket = new Socket({ fd: descriptor, readable: true, writable: true })
  const decoder = new FrameDecoder()
  const messageListeners: ((message: Incoming) => void)[] = []
  const closeListeners: (() => void)[] = []
  let closed = false
  const close = (): void => {
    if (closed) return
    closed = true
    for (const listener of closeListeners) listener()
  }
  socket.on('data', (bytes: Buffer) => {
    const received = decoder.push(bytes)
    for (const message of received.messages) for (const listener of messageListeners) listener(message as Incoming)
    if (received.garbage === null) return
    process.stderr.write(`the wire to the parent is broken: ${received.garbage}\n`)
    close()
  })
  socket.on('end', close)
  socket.on('close', close)
  // A parent that was killed shows as an error on write or as an end on read, whichever is noticed first.
  socket.on('error', close)
  return {
    send: (message) => void socket.write(encodeFrame(message)),
    onMessage: (listener) => void messageListeners.push(listener),
    onClose: (listener) => void closeListeners.push(listener),
    exit: (code) => void socket.write('', () => process.exit(code)),
  }
}

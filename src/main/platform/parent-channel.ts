import { Socket } from 'node:net'
import { encodeFrame, FrameDecoder } from './frame-codec.ts'

/**
 * A child's connection to the process that started it: `process.parentPort` under Electron's utilityProcess, a private
 * pipe under plain Node. Only this module uses either.
 */
export interface ParentChannel<Incoming, Outgoing> {
  send(message: Outgoing): void
  onMessage(listener: (message: Incoming) => void): void
  /** Called once when the parent exits, closes the channel or sends an invalid message. */
  onClose(listener: () => void): void
  /** Flushes the messages sent so far, then exits. */
  exit(code: number): void
}

/** Environment variable with the file descriptor of the pipe, set by `launchChildProcess`. */
export const CHANNEL_VARIABLE = 'SWITCHBOARD_CHANNEL_DESCRIPTOR'

/** The part of Electron's MessagePortMain used here. Declared, because only desktop/ may import electron. */
interface UtilityPort {
  on(event: 'message', listener: (event: { readonly data: unknown }) => void): unknown
  postMessage(message: unknown): void
}

/** @throws Error when this process was not started with a channel to a parent. */
export function connectToParent<Incoming, Outgoing>(): ParentChannel<Incoming, Outgoing> {
  const utility = (process as NodeJS.Process & { readonly parentPort?: UtilityPort }).parentPort
  if (utility !== undefined) return overUtilityPort(utility)
  const descriptor = Number(process.env[CHANNEL_VARIABLE])
  if (!Number.isInteger(descriptor) || descriptor < 3)
    throw new Error('this program can only be started by Switchboard')
  return overPipe(descriptor)
}

function overUtilityPort<Incoming, Outgoing>(port: UtilityPort): ParentChannel<Incoming, Outgoing> {
  return {
    send: (message) => port.postMessage(message),
    onMessage: (listener) => void port.on('message', (event) => listener(event.data as Incoming)),
    // Electron ends its utility processes when the main process exits.
    onClose: () => undefined,
    // Posted messages are sent in the next turns of the event loop.
    exit: (code) => void setTimeout(() => process.exit(code), 50),
  }
}

function overPipe<Incoming, Outgoing>(descriptor: number): ParentChannel<Incoming, Outgoing> {
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
    process.stderr.write(`the channel to the parent is broken: ${received.garbage}\n`)
    close()
  })
  socket.on('end', close)
  socket.on('close', close)
  // A killed parent shows up as a write error or as the end of the stream, whichever comes first.
  socket.on('error', close)
  return {
    send: (message) => void socket.write(encodeFrame(message)),
    onMessage: (listener) => void messageListeners.push(listener),
    onClose: (listener) => void closeListeners.push(listener),
    exit: (code) => void socket.write('', () => process.exit(code)),
  }
}

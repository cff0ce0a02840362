/**
 * The engine process: one model, token ids only. It has no database and no keys, and opens no sockets. It ends with its
 * parent, and with a non-zero code on anything unexpected, whereupon its supervisor starts a new one.
 */
import { assertNever } from '../../shared/base/assert-never.ts'
import type { EngineCommand, EngineEvent } from '../../shared/contracts/engine.ts'
import type { GraphFloats } from '../../shared/contracts/graph.ts'
import type { Provider } from '../../shared/domain/generation.ts'
import { serialise, SwitchboardError } from '../../shared/errors/switchboard-error.ts'
import { connectToParent, type ParentChannel } from '../platform/parent-channel.ts'
import type { InferenceEngine } from './engine.ts'
import { loadEngine } from './load-engine.ts'
import { loadOrtApi } from './ort/api.ts'
import { findOrtLibrary } from './ort/library.ts'
import { probeHere, probeProviders } from './ort/providers.ts'

const HEARTBEAT_MS = 500

/**
 * Tokens drawn within this time share a message. Every message wakes two processes, which costs time of the running
 * step: on two cores a fifth of the speed with steps of 2 ms and a tenth with 20 ms; 50 ms instead of 33 ms gained 4 %.
 * Twenty updates a second still read as continuous writing.
 */
const SEND_EVERY_MS = 50

function die(failure: unknown): never {
  process.stderr.write(`${failure instanceof Error ? (failure.stack ?? failure.message) : String(failure)}\n`)
  process.exit(1)
}

function serve(parent: ParentChannel<EngineCommand, EngineEvent>): void {
  let engine: InferenceEngine | null = null
  let loading = false
  let looping = false
  let sentCounts = ''
  let sentMs = 0

  const flush = (): void => {
    if (engine === null) return
    sentMs = performance.now()
    const outputs = engine.takeOutputs()
    if (outputs.length > 0) parent.send({ kind: 'outputs', outputs })
    const stats = engine.stats()
    const counts = `${stats.running} ${stats.waiting}`
    if (counts === sentCounts) return
    sentCounts = counts
    parent.send({ kind: 'stats', stats })
  }

  // One step, then one turn of the event loop, so that messages that arrived meanwhile are handled before the next
  // step.
  const turn = (): void => {
    if (engine === null || !engine.busy) {
      looping = false
      flush()
      return
    }
    try {
      engine.step()
    } catch (failure) {
      // The session may be unusable after a failure: callers get the error, and a new process takes over.
      flush()
      process.stderr.write(`${failure instanceof Error ? (failure.stack ?? failure.message) : String(failure)}\n`)
      parent.exit(1)
      return
    }
    if (engine.pressing || performance.now() - sentMs >= SEND_EVERY_MS) flush()
    setImmediate(turn)
  }

  const handle = (command: EngineCommand): void => {
    switch (command.kind) {
      case 'load':
        if (loading) throw new TypeError('a model is loaded already')
        loading = true
        loadEngine(command.model).then(
          ({ engine: made, loaded }) => {
            engine = made
            parent.send({ kind: 'loaded', loaded, stats: made.stats() })
          },
          (failure: unknown) => {
            if (!(failure instanceof SwitchboardError)) die(failure)
            parent.send({ kind: 'loadFailed', error: serialise(failure) })
          },
        )
        return
      case 'submit':
        if (engine === null) throw new TypeError('submit before a model is loaded')
        engine.submit(command.request)
        break
      case 'cancel':
        engine?.cancel(command.requestId)
        break
      case 'shutdown':
        parent.exit(0)
        return
      default:
        assertNever(command, 'engine command')
    }
    if (!looping && engine !== null) {
      looping = true
      // Further messages of the same turn belong to the same step.
      setImmediate(turn)
    }
  }

  parent.onMessage((command) => {
    try {
      handle(command)
    } catch (failure) {
      die(failure)
    }
  })
  parent.onClose(() => process.exit(0))
  setInterval(() => {
    if (engine !== null) parent.send({ kind: 'stats', stats: engine.stats() })
  }, HEARTBEAT_MS)
  try {
    parent.send({ kind: 'hello', runtimeVersion: loadOrtApi(findOrtLibrary()).version })
  } catch (failure) {
    // Without the runtime every restart would fail too, so this is reported as a failed load.
    if (!(failure instanceof SwitchboardError)) throw failure
    parent.send({ kind: 'loadFailed', error: serialise(failure) })
  }
}

process.on('uncaughtException', die)
process.on('unhandledRejection', die)

const [, , flag, provider, libraryPath, wanted] = process.argv
// Drivers leave threads behind that would keep this process alive.
const answer = (report: unknown): void =>
  void process.stdout.write(`${JSON.stringify(report)}\n`, () => process.exit(0))
if (flag === '--probe') answer(probeProviders())
else if (flag === '--probe-one' && provider !== undefined && libraryPath !== undefined)
  answer(probeHere(provider as Provider, libraryPath, (wanted ?? '').split(',') as GraphFloats[]))
else serve(connectToParent<EngineCommand, EngineEvent>())

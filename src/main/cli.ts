import { resolve } from 'node:path'
import { parseArguments, usage, wantedPort, type Invocation } from './commands/arguments.ts'
import type { CommandContext } from './commands/context.ts'
import { describe, type Terminal } from './commands/terminal.ts'
import { defaultHomeRoot, openHome } from './platform/home.ts'
import { findProductFiles } from './platform/product-files.ts'

const defaultPort = 4317

const terminal: Terminal = {
  out: (text) => void process.stdout.write(text),
  err: (text) => void process.stderr.write(text),
}

// `switchboard ask … | head` closes our output early: that is the reader's right and no failure.
process.stdout.on('error', (failure: NodeJS.ErrnoException) => {
  if (failure.code === 'EPIPE') process.exit(0)
  throw failure
})

/** Runs one command and gives its exit code. What a command does not need is not loaded. */
async function run({ command, home, json }: Invocation): Promise<number> {
  if (command.kind === 'help') {
    terminal.out(usage)
    return 0
  }
  const files = findProductFiles()
  if (command.kind === 'version') {
    terminal.out(`${files.version}\n`)
    return 0
  }
  const root = home === undefined ? defaultHomeRoot(process.env, process.platform) : resolve(home)
  if (command.kind === 'serve') {
    const { serveHeadless } = await import('./headless.ts')
    const port = wantedPort(command.port, process.env) ?? defaultPort
    await serveHeadless({
      home: root,
      port,
      files,
      tell: (line) => terminal.err(`${line}\n`),
      onReady: (url) => terminal.out(`ready ${url}\n`),
    })
    return 0
  }
  const interrupt = new AbortController()
  process.once('SIGINT', () => interrupt.abort())
  process.once('SIGTERM', () => interrupt.abort())
  const context: CommandContext = { home: openHome(root), files, terminal, json, signal: interrupt.signal }
  try {
    switch (command.kind) {
      case 'ask': {
        const { ask } = await import('./commands/ask.ts')
        await ask(command, context)
        terminal.out('\n')
        return 0
      }
      case 'assistants list':
      case 'assistants create':
      case 'assistants publish':
      case 'assistants export':
      case 'assistants import':
      case 'assistants remove': {
        const { manageAssistants } = await import('./commands/assistants.ts')
        await manageAssistants(command, context)
        return 0
      }
      case 'keys create':
      case 'keys list':
      case 'keys bind':
      case 'keys revoke': {
        const { manageKeys } = await import('./commands/keys.ts')
        await manageKeys(command, context)
        return 0
      }
      case 'models list':
      case 'models import':
      case 'models build':
      case 'models use':
      case 'models remove': {
        const { manageModels } = await import('./commands/models.ts')
        await manageModels(command, context)
        return 0
      }
      case 'jobs list':
      case 'jobs cancel':
      case 'jobs dismiss': {
        const { manageJobs } = await import('./commands/jobs.ts')
        await manageJobs(command, context)
        return 0
      }
      case 'doctor': {
        const { runDoctor } = await import('./commands/doctor.ts')
        return await runDoctor(context)
      }
      case 'status': {
        const { showStatus } = await import('./commands/status.ts')
        return showStatus(context)
      }
    }
  } catch (thrown) {
    if (!interrupt.signal.aborted) throw thrown
    // Stopped by the person: a shell's own code for it.
    terminal.out('\n')
    return 130
  }
}

try {
  process.exitCode = await run(parseArguments(process.argv.slice(2)))
} catch (thrown) {
  const { text, exitCode } = describe(thrown)
  terminal.err(text)
  process.exitCode = exitCode
}

import { parseArgs, type ParseArgsOptionsConfig } from 'node:util'
import { precisionSchema, type Precision } from '../../shared/domain/generation.ts'
import { samplingFields } from '../../shared/domain/sampling.ts'
import { SwitchboardError } from '../../shared/errors/switchboard-error.ts'

export const usage = `switchboard: your own support bot on one machine

  switchboard serve [--port N]                 start the endpoint and the console
  switchboard status                           where the running one is reached, with the console's key
  switchboard ask "TEXT" [--model M] [--system S] [--max-tokens N] [--seed N]
                                               answer one question on standard output
  switchboard keys create NAME                 print a new key, once
  switchboard keys list
  switchboard keys revoke NAME
  switchboard models list
  switchboard models import DIR --name N [--precision ${precisionSchema.options.join('|')}]
  switchboard models remove N
  switchboard doctor                           say what this machine can use, and why not

  --home DIR   folder of everything that is stored      (SWITCHBOARD_HOME)
  --port N     port of serve, 4317 unless told, 0 any   (SWITCHBOARD_PORT)
  --json       machine-readable output of keys, models, doctor and status
  --version, --help
`

/** What was asked for on the command line. */
export type Command =
  | { readonly kind: 'help' }
  | { readonly kind: 'version' }
  | { readonly kind: 'serve'; readonly port: number | undefined }
  | {
      readonly kind: 'ask'
      readonly text: string
      readonly model: string | undefined
      readonly system: string | undefined
      readonly maxTokens: number | undefined
      readonly seed: number | undefined
    }
  | { readonly kind: 'keys create'; readonly name: string }
  | { readonly kind: 'keys list' }
  | { readonly kind: 'keys revoke'; readonly name: string }
  | { readonly kind: 'models list' }
  | {
      readonly kind: 'models import'
      readonly directory: string
      readonly name: string
      readonly precision: Precision
    }
  | { readonly kind: 'models remove'; readonly name: string }
  | { readonly kind: 'doctor' }
  | { readonly kind: 'status' }

export interface Invocation {
  readonly command: Command
  readonly home: string | undefined
  readonly json: boolean
}

const everywhere = {
  home: { type: 'string' },
  help: { type: 'boolean', short: 'h' },
} as const satisfies ParseArgsOptionsConfig
const json = { json: { type: 'boolean' } } as const satisfies ParseArgsOptionsConfig

/** Options each command takes beside `--home`; anything else is refused rather than ignored. */
const optionsOf: Readonly<Record<string, ParseArgsOptionsConfig>> = {
  serve: { port: { type: 'string' } },
  ask: {
    model: { type: 'string' },
    system: { type: 'string' },
    'max-tokens': { type: 'string' },
    seed: { type: 'string' },
  },
  'keys create': json,
  'keys list': json,
  'keys revoke': json,
  'models list': json,
  'models import': { ...json, name: { type: 'string' }, precision: { type: 'string' } },
  'models remove': json,
  doctor: json,
  status: json,
}

/** @throws SwitchboardError invalid_arguments. */
export function parseArguments(given: readonly string[]): Invocation {
  const first = given[0]
  if (first === undefined || first === 'help' || first === '--help' || first === '-h')
    return { command: { kind: 'help' }, home: undefined, json: false }
  if (first === '--version') return { command: { kind: 'version' }, home: undefined, json: false }
  const name = first === 'keys' || first === 'models' ? `${first} ${given[1] ?? ''}`.trim() : first
  const options = Object.hasOwn(optionsOf, name) ? optionsOf[name] : undefined
  if (options === undefined) {
    if (given.includes('--help') || given.includes('-h'))
      return { command: { kind: 'help' }, home: undefined, json: false }
    throw wrong(`there is no command ${JSON.stringify(name)}`)
  }
  const { values, positionals } = parse(given.slice(name.split(' ').length), options)
  if (values['help'] === true) return { command: { kind: 'help' }, home: undefined, json: false }
  const text = (option: string): string | undefined => (typeof values[option] === 'string' ? values[option] : undefined)
  return { command: commandOf(name, positionals, text), home: text('home'), json: values['json'] === true }
}

function commandOf(
  name: string,
  positionals: readonly string[],
  text: (option: string) => string | undefined,
): Command {
  const one = (what: string): string => {
    const [value] = positionals
    if (value === undefined || value === '' || positionals.length > 1) throw wrong(`${name} takes one ${what}`)
    return value
  }
  const none = (): void => {
    if (positionals.length > 0) throw wrong(`${name} takes no ${JSON.stringify(positionals[0])}`)
  }
  switch (name) {
    case 'serve':
      none()
      return { kind: 'serve', port: parsePort(text('port'), '--port') }
    case 'ask':
      return {
        kind: 'ask',
        text: one('text; put it in quotation marks'),
        model: text('model'),
        system: text('system'),
        maxTokens: parameter(text('max-tokens'), '--max-tokens', 'maxTokens'),
        seed: parameter(text('seed'), '--seed', 'seed'),
      }
    case 'keys create':
    case 'keys revoke':
    case 'models remove':
      return { kind: name, name: one('name') }
    case 'models import': {
      const directory = one('folder')
      const modelName = text('name')
      if (modelName === undefined) throw wrong('models import needs --name N')
      const precision = precisionSchema.safeParse(text('precision') ?? 'fp32')
      if (!precision.success)
        throw wrong(`--precision ${text('precision')} is none of ${precisionSchema.options.join(', ')}`)
      return { kind: 'models import', directory, name: modelName, precision: precision.data }
    }
    case 'keys list':
    case 'models list':
    case 'doctor':
    case 'status':
      none()
      return { kind: name }
    default:
      throw wrong(`there is no command ${JSON.stringify(name)}`)
  }
}

/**
 * The options of the desktop host, by the same rules as those of `serve`. Electron, Chromium and the system add
 * switches of
 * their own to its command line: what is not ours is let be.
 * @throws SwitchboardError invalid_arguments.
 */
export function parseDesktopArguments(
  given: readonly string[],
  environment: NodeJS.ProcessEnv,
): { readonly home: string | undefined; readonly port: number | undefined } {
  const ours = given.flatMap((word, at) =>
    /^--(?:home|port)$/u.test(word) ? given.slice(at, at + 2) : /^--(?:home|port)=/u.test(word) ? [word] : [],
  )
  const { command, home } = parseArguments(['serve', ...ours])
  return { home, port: wantedPort(command.kind === 'serve' ? command.port : undefined, environment) }
}

/** The port of the command line, else of SWITCHBOARD_PORT. @throws SwitchboardError invalid_arguments. */
export function wantedPort(given: number | undefined, environment: NodeJS.ProcessEnv): number | undefined {
  const named = environment['SWITCHBOARD_PORT']
  return given ?? parsePort(named === '' ? undefined : named, 'SWITCHBOARD_PORT')
}

function parsePort(text: string | undefined, where: string): number | undefined {
  return number(text, where, 0, 65_535)
}

function parameter(text: string | undefined, where: string, name: 'maxTokens' | 'seed'): number | undefined {
  return number(text, where, samplingFields[name].min, samplingFields[name].max)
}

function number(text: string | undefined, where: string, lowest: number, highest: number): number | undefined {
  if (text === undefined) return undefined
  const value = Number(text)
  if (!/^\d+$/u.test(text) || value < lowest || value > highest)
    throw wrong(`${where} ${text} is not a whole number from ${lowest} to ${highest}`)
  return value
}

function parse(
  given: readonly string[],
  options: ParseArgsOptionsConfig,
): { readonly values: Readonly<Record<string, unknown>>; readonly positionals: readonly string[] } {
  try {
    return parseArgs({ args: [...given], options: { ...everywhere, ...options }, allowPositionals: true, strict: true })
  } catch (thrown) {
    throw wrong(
      thrown instanceof Error ? (thrown.message.split('. To specify')[0] ?? '') : 'the arguments cannot be read',
    )
  }
}

function wrong(message: string): SwitchboardError {
  return new SwitchboardError('invalid_arguments', message)
}

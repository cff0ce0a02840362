import { parseArgs, type ParseArgsOptionsConfig } from 'node:util'
import { precisionSchema, type Precision } from '../../shared/domain/generation.ts'
import { parseParameter, samplingFields, type ParameterOverrides } from '../../shared/domain/sampling.ts'
import { SwitchboardError } from '../../shared/errors/switchboard-error.ts'

export const usage = `switchboard: your own support bot on one machine

  switchboard serve [--port N]                 start the endpoint and the console
  switchboard status                           addresses of the running instance, with the console's key
  switchboard ask "TEXT" [--model M] [--system S] [--max-tokens N] [--seed N]
                                               answer one question on standard output
  switchboard assistants list
  switchboard assistants create NAME [--model M] [--system TEXT|@FILE] [--set temperature=0.3]… [--draft]
                                               a model with instructions; programs call it by its name
  switchboard assistants publish NAME          programs use the latest version
  switchboard assistants export NAME           print it as JSON
  switchboard assistants import FILE [--draft]
  switchboard assistants remove NAME
  switchboard keys create NAME [--assistant A] print a new key, once; bound to assistant A if given
  switchboard keys bind NAME [--assistant A]   bind a key to an assistant, or to none
  switchboard keys list
  switchboard keys revoke NAME
  switchboard models list
  switchboard models import DIR --name N [--precision ${precisionSchema.options.join('|')}]
  switchboard models build N --precision P     add a version of another precision
  switchboard models use N VERSION             make this version the active one
  switchboard models remove N
  switchboard jobs list                        imports and builds of all processes
  switchboard jobs cancel ID
  switchboard jobs dismiss ID
  switchboard doctor                           report what this machine can use, and why not

  --home DIR   folder of all stored data               (SWITCHBOARD_HOME)
  --port N     port of serve, default 4317, 0 for any  (SWITCHBOARD_PORT)
  --json       machine-readable output of all but serve and ask
  --version, --help
`

/** A parsed command line. */
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
  | { readonly kind: 'assistants list' }
  | {
      readonly kind: 'assistants create'
      readonly name: string
      readonly model: string | undefined
      readonly system: string | undefined
      readonly parameters: ParameterOverrides
      /** Not published: programs cannot call it yet. */
      readonly draft: boolean
    }
  | { readonly kind: 'assistants publish'; readonly name: string }
  | { readonly kind: 'assistants export'; readonly name: string }
  | { readonly kind: 'assistants import'; readonly file: string; readonly draft: boolean }
  | { readonly kind: 'assistants remove'; readonly name: string }
  | { readonly kind: 'keys create' | 'keys bind'; readonly name: string; readonly assistant: string | undefined }
  | { readonly kind: 'keys list' }
  | { readonly kind: 'keys revoke'; readonly name: string }
  | { readonly kind: 'models list' }
  | {
      readonly kind: 'models import'
      readonly directory: string
      readonly name: string
      readonly precision: Precision
    }
  | { readonly kind: 'models build'; readonly name: string; readonly precision: Precision }
  | { readonly kind: 'models use'; readonly name: string; readonly version: number }
  | { readonly kind: 'models remove'; readonly name: string }
  | { readonly kind: 'jobs list' }
  | { readonly kind: 'jobs cancel' | 'jobs dismiss'; readonly id: string }
  | { readonly kind: 'doctor' }
  | { readonly kind: 'status' }

/** The command of one kind, or of several. */
export type CommandOf<Kind extends Command['kind']> = Extract<Command, { readonly kind: Kind }>

export interface Invocation {
  readonly command: Command
  readonly home: string | undefined
  readonly json: boolean
}

const COMMON_OPTIONS = {
  home: { type: 'string' },
  help: { type: 'boolean', short: 'h' },
} as const satisfies ParseArgsOptionsConfig
const json = { json: { type: 'boolean' } } as const satisfies ParseArgsOptionsConfig

/** Options of each command besides `--home`. Others are refused. */
const optionsOf: Readonly<Record<string, ParseArgsOptionsConfig>> = {
  serve: { port: { type: 'string' } },
  ask: {
    model: { type: 'string' },
    system: { type: 'string' },
    'max-tokens': { type: 'string' },
    seed: { type: 'string' },
  },
  'assistants list': json,
  'assistants create': {
    ...json,
    model: { type: 'string' },
    system: { type: 'string' },
    set: { type: 'string', multiple: true },
    draft: { type: 'boolean' },
  },
  'assistants publish': json,
  'assistants export': json,
  'assistants import': { ...json, draft: { type: 'boolean' } },
  'assistants remove': json,
  'keys create': { ...json, assistant: { type: 'string' } },
  'keys bind': { ...json, assistant: { type: 'string' } },
  'keys list': json,
  'keys revoke': json,
  'models list': json,
  'models import': { ...json, name: { type: 'string' }, precision: { type: 'string' } },
  'models build': { ...json, precision: { type: 'string' } },
  'models use': json,
  'models remove': json,
  'jobs list': json,
  'jobs cancel': json,
  'jobs dismiss': json,
  doctor: json,
  status: json,
}

/** First words of two-word commands. */
const groups: ReadonlySet<string> = new Set(Object.keys(optionsOf).flatMap((name) => name.match(/^\w+(?= )/) ?? []))

/** @throws SwitchboardError invalid_arguments. */
export function parseArguments(given: readonly string[]): Invocation {
  const first = given[0]
  if (first === undefined || first === 'help' || first === '--help' || first === '-h')
    return { command: { kind: 'help' }, home: undefined, json: false }
  if (first === '--version') return { command: { kind: 'version' }, home: undefined, json: false }
  const name = groups.has(first) ? `${first} ${given[1] ?? ''}`.trim() : first
  const known = Object.hasOwn(optionsOf, name) ? optionsOf[name] : undefined
  if (known === undefined) {
    if (given.includes('--help') || given.includes('-h'))
      return { command: { kind: 'help' }, home: undefined, json: false }
    throw invalid(`there is no command ${JSON.stringify(name)}`)
  }
  const { values, positionals } = parse(given.slice(name.split(' ').length), known)
  if (values['help'] === true) return { command: { kind: 'help' }, home: undefined, json: false }
  const options = (option: string): OptionValue => {
    const value = values[option]
    return {
      text: typeof value === 'string' ? value : undefined,
      isSet: value === true,
      list: Array.isArray(value) ? value.filter((item): item is string => typeof item === 'string') : [],
    }
  }
  return { command: commandOf(name, positionals, options), home: options('home').text, json: options('json').isSet }
}

interface OptionValue {
  readonly text: string | undefined
  readonly isSet: boolean
  /** Values of a repeatable option. */
  readonly list: readonly string[]
}

function commandOf(name: string, positionals: readonly string[], option: (name: string) => OptionValue): Command {
  const text = (named: string): string | undefined => option(named).text
  const one = (what: string): string => {
    const [value] = positionals
    if (value === undefined || value === '' || positionals.length > 1) throw invalid(`${name} takes one ${what}`)
    return value
  }
  const none = (): void => {
    if (positionals.length > 0) throw invalid(`${name} takes no ${JSON.stringify(positionals[0])}`)
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
    case 'assistants create': {
      const parameters: ParameterOverrides = Object.assign({}, ...option('set').list.map(parseParameter)) as object
      const isDraft = option('draft').isSet
      return { kind: name, name: one('name'), model: text('model'), system: text('system'), parameters, draft: isDraft }
    }
    case 'assistants import':
      return { kind: name, file: one('file'), draft: option('draft').isSet }
    case 'keys create':
    case 'keys bind':
      return { kind: name, name: one('name'), assistant: text('assistant') }
    case 'assistants publish':
    case 'assistants export':
    case 'assistants remove':
    case 'keys revoke':
    case 'models remove':
      return { kind: name, name: one('name') }
    case 'models build':
      return { kind: name, name: one('name'), precision: precisionOf(text('precision'), name) }
    case 'models use': {
      const [model = '', version, ...more] = positionals
      if (model === '' || version === undefined || more.length > 0)
        throw invalid('models use takes a name and a version')
      return { kind: name, name: model, version: number(version, 'the version', 1, 1_000_000) ?? 1 }
    }
    case 'jobs cancel':
    case 'jobs dismiss':
      return { kind: name, id: one('id') }
    case 'models import': {
      const directory = one('folder')
      const modelName = text('name')
      if (modelName === undefined) throw invalid('models import needs --name N')
      return { kind: name, directory, name: modelName, precision: precisionOf(text('precision') ?? 'fp32', name) }
    }
    case 'assistants list':
    case 'jobs list':
    case 'keys list':
    case 'models list':
    case 'doctor':
    case 'status':
      none()
      return { kind: name }
    default:
      throw invalid(`there is no command ${JSON.stringify(name)}`)
  }
}

function precisionOf(text: string | undefined, command: string): Precision {
  if (text === undefined) throw invalid(`${command} needs --precision P`)
  const precision = precisionSchema.safeParse(text)
  if (!precision.success) throw invalid(`--precision ${text} is not one of ${precisionSchema.options.join(', ')}`)
  return precision.data
}

/**
 * The options of the desktop host, with the rules of `serve`. Unknown switches are ignored, since Electron, Chromium
 * and the system add their own.
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

/** The port of the command line, otherwise of SWITCHBOARD_PORT. @throws SwitchboardError invalid_arguments. */
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

function number(text: string | undefined, where: string, min: number, max: number): number | undefined {
  if (text === undefined) return undefined
  const value = Number(text)
  if (!/^\d+$/u.test(text) || value < min || value > max)
    throw invalid(`${where} ${text} is not a whole number from ${min} to ${max}`)
  return value
}

function parse(
  given: readonly string[],
  options: ParseArgsOptionsConfig,
): { readonly values: Readonly<Record<string, unknown>>; readonly positionals: readonly string[] } {
  try {
    return parseArgs({
      args: [...given],
      options: { ...COMMON_OPTIONS, ...options },
      allowPositionals: true,
      strict: true,
    })
  } catch (thrown) {
    throw invalid(
      thrown instanceof Error ? (thrown.message.split('. To specify')[0] ?? '') : 'the arguments cannot be read',
    )
  }
}

function invalid(message: string): SwitchboardError {
  return new SwitchboardError('invalid_arguments', message)
}

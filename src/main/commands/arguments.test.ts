import { describe, expect, it } from 'vitest'
import { parseArguments, parseDesktopArguments, wantedPort } from './arguments.ts'
import { describe as describeError, table } from './terminal.ts'

const read = (line: string) => parseArguments(line.split(' ').filter((word) => word !== ''))

describe('the command line', () => {
  it.each([
    ['', { kind: 'help' }],
    ['--help', { kind: 'help' }],
    ['serve --help', { kind: 'help' }],
    ['keys --help', { kind: 'help' }],
    ['--version', { kind: 'version' }],
    ['serve', { kind: 'serve', port: undefined }],
    ['serve --port 0', { kind: 'serve', port: 0 }],
    [
      'ask hello --max-tokens 5 --seed 0',
      { kind: 'ask', text: 'hello', model: undefined, system: undefined, maxTokens: 5, seed: 0 },
    ],
    ['keys create till', { kind: 'keys create', name: 'till' }],
    ['keys revoke till', { kind: 'keys revoke', name: 'till' }],
    ['models import ./m --name mine', { kind: 'models import', directory: './m', name: 'mine', precision: 'fp32' }],
    ['models remove mine', { kind: 'models remove', name: 'mine' }],
    ['doctor', { kind: 'doctor' }],
    ['status', { kind: 'status' }],
  ] as const)('reads %j', (line, command) => {
    expect(read(line).command).toEqual(command)
  })

  it('reads where things are kept and how to print', () => {
    expect(read('keys list --json --home /data')).toEqual({ command: { kind: 'keys list' }, home: '/data', json: true })
  })

  it.each([
    'fly',
    'keys',
    'keys burn x',
    'models',
    'serve now',
    'serve --port x',
    'serve --port 70000',
    'serve --port -1',
    'serve --json',
    'serve --unknown',
    'ask',
    'ask a b',
    'ask a --seed 4294967296',
    'ask a --max-tokens 0',
    'ask a --max-tokens 1.5',
    'keys create',
    'keys create a b',
    'keys list x',
    'models import ./m',
    'models import --name x',
    'models import ./m --name x --precision fp8',
    'doctor x',
    'toString',
    '__proto__',
  ])('refuses %j', (line) => {
    expect(() => read(line)).toThrow(expect.objectContaining({ code: 'invalid_arguments' }))
  })

  it('takes a port from the environment by the same rule', () => {
    expect(wantedPort(undefined, { SWITCHBOARD_PORT: '4400' })).toBe(4400)
    expect(wantedPort(4500, { SWITCHBOARD_PORT: '4400' })).toBe(4500)
    expect(wantedPort(undefined, { SWITCHBOARD_PORT: '' })).toBeUndefined()
    expect(() => wantedPort(undefined, { SWITCHBOARD_PORT: 'http' })).toThrow('SWITCHBOARD_PORT http')
  })
})

describe('the command line of the desktop host', () => {
  const desktop = (line: string, environment: NodeJS.ProcessEnv = {}) =>
    parseDesktopArguments(line.split(' '), environment)

  it.each([
    ['electron .', {}, { home: undefined, port: undefined }],
    ['electron . --port=0', {}, { home: undefined, port: 0 }],
    ['electron . --home /data --port 4400', {}, { home: '/data', port: 4400 }],
    [
      'electron --inspect=0 --remote-debugging-port=0 . --home=/data --lang=en-US --ozone-platform=x11 -psn_0',
      { SWITCHBOARD_PORT: '4500' },
      { home: '/data', port: 4500 },
    ],
    ['switchboard --port 4400', { SWITCHBOARD_PORT: '4500' }, { home: undefined, port: 4400 }],
  ] as const)('reads %j', (line, environment, expected) => {
    expect(desktop(line, environment)).toEqual(expected)
  })

  it.each([
    'electron . --port',
    'electron . --port=seven',
    'electron . --port 70000',
    'electron . --home --lang=en-US',
    'electron . --port --home=/data',
  ])('refuses %j', (line) => {
    expect(() => desktop(line)).toThrow(expect.objectContaining({ code: 'invalid_arguments' }))
  })
})

describe('what a command prints', () => {
  it('stands in columns', () => {
    expect(
      table(
        ['A', 'B'],
        [
          ['long', 'x'],
          ['s', 'yy'],
        ],
      ),
    ).toBe('A     B\nlong  x\ns     yy\n')
  })

  it('names an error, the next step and the exit code', () => {
    const wrong = (() => {
      try {
        return read('fly')
      } catch (thrown) {
        return thrown
      }
    })()
    expect(describeError(wrong)).toEqual({
      text: 'invalid_arguments: there is no command "fly"\nSee switchboard --help.\n',
      exitCode: 2,
    })
    expect(describeError(new Error('odd')).exitCode).toBe(1)
  })
})
